"""Tables of one's own: any runs, with rows, columns, order and baseline of one's choice (`bench table`)."""
