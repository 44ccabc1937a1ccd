"""The gateway: materialized views of one person's record, read under consent and audited first. Owns nothing else."""
