<qgis version="3.28" styleCategories="Symbology">
  <renderer-v2 type="categorizedSymbol" attr="{{ column }}">
    <categories>
      {% for use, _ in uses %}
        <category symbol="{{ loop.index0 }}" value="{{ use.code }}" label="{{ use.zh }} {{ use.code }}" render="true"></category>
      {% endfor %}
    </categories>
    <symbols>
      {% for _, rgb in uses %}
        <symbol type="fill" name="{{ loop.index0 }}">
          <layer class="SimpleFill">
            <Option type="Map">
              <Option name="color" type="QString" value="{{ rgb|join(",") }},255"></Option>
              <Option name="outline_color" type="QString" value="38,49,58,255"></Option>
              <Option name="outline_width" type="QString" value="0.2"></Option>
            </Option>
          </layer>
        </symbol>
      {% endfor %}
    </symbols>
  </renderer-v2>
</qgis>
