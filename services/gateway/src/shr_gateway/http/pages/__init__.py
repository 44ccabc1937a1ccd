"""The pages of the portal: each route reads, renders, or hands one form on to the service that owns it."""
