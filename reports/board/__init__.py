"""A board: the latest numbers of several labs' stores on one static page, each with where it is from."""
