"""cimkit: a community information model and simulation toolkit (社区信息模型)."""
