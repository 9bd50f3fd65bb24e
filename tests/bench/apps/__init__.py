"""A Django app for measuring only: tables beside the product's, and the packages that are compared. The product never installs it."""
