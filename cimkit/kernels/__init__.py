"""Arrays in, arrays out: everything that loops is compiled here, and nothing here knows a building."""
