"""How is it: sunlight, sky, walking and areas of a community, by a stated method."""
