"""A Django app for measuring only, with the packages that are compared. The product never installs it."""
