"""All of MongoDB: views, the own store, plain reads for the pages."""
