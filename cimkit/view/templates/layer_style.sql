-- A style by which QGIS opens a layer of a GeoPackage.
INSERT INTO layer_styles (
  f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML, styleSLD, useAsDefault,
  description, owner
) VALUES ('', '', :table, :column, 'cimkit', :style, '', 1, 'colours of the plans', '');
