"""IFC models: a small one made here, and the areas that two real ones state themselves."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from cimkit.errors import FormatError
from cimkit.io.files import read
from cimkit.model.kinds import BuildingUse, RoomKind, SpaceKind, StoreyKind, VoidKind, WindowKind
from cimkit.sim.areas import floor_areas

ifcopenshell = pytest.importorskip("ifcopenshell")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # ifcopenshell's own


def small_model(path, *, mapped=True, roof=True, turn=0.0, more=lambda m, solid: None):
    """Write two storeys of 8 x 5 m over a basement, in millimetres: rooms, a balcony, slabs, an opening in a slab.

    ``more(model, solid)`` adds to it; solid(class, storey, x, y, z, size) makes a box in metres. All is turned by
    ``turn`` [°] about the origin of the model, counterclockwise.
    """
    from ifcopenshell.api import run

    m = ifcopenshell.file(schema="IFC4")
    project = run("root.create_entity", m, ifc_class="IfcProject", name="P")
    run("unit.assign_unit", m, length={"is_metric": True, "raw": "MILLIMETERS"})
    context = run("context.add_context", m, context_type="Model")
    body = run("context.add_context", m, context_type="Model", context_identifier="Body", parent=context)
    site, building = (run("root.create_entity", m, ifc_class=c, name=c[3:]) for c in ("IfcSite", "IfcBuilding"))
    run("aggregate.assign_object", m, products=[site], relating_object=project)
    run("aggregate.assign_object", m, products=[building], relating_object=site)
    if mapped:
        run("georeference.add_georeferencing", m)
        turned = {"Eastings": 500e6, "Northings": 3_350_000e3, "XAxisAbscissa": 0.0, "XAxisOrdinate": 1.0}
        name = {"Name": "EPSG:4549"}
        run("georeference.edit_georeferencing", m, coordinate_operation=turned, projected_crs=name)

    turned = np.eye(4)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    turned[:2, :2] = (c, -s), (s, c)

    def solid(ifc_class, storey, x, y, z, size, **about):
        element = run("root.create_entity", m, ifc_class=ifc_class, **about)
        profile = m.create_entity("IfcRectangleProfileDef", "AREA", XDim=size[0] * 1e3, YDim=size[1] * 1e3)
        shape = run("geometry.add_profile_representation", m, context=body, profile=profile, depth=size[2])
        run("geometry.assign_representation", m, product=element, representation=shape)
        matrix = np.eye(4)
        matrix[:3, 3] = x + 0.5 * size[0], y + 0.5 * size[1], z
        run("geometry.edit_object_placement", m, product=element, matrix=turned @ matrix)
        relation = "aggregate.assign_object" if ifc_class == "IfcSpace" else "spatial.assign_container"
        to = "relating_object" if ifc_class == "IfcSpace" else "relating_structure"
        if storey is not None:
            run(relation, m, products=[element], **{to: storey})
        return element

    for k, z in enumerate((-3.0, 0.0, 3.0, 6.0)):
        storey = run("root.create_entity", m, ifc_class="IfcBuildingStorey", name=f"L{k}")
        storey.Elevation = z * 1e3
        run("aggregate.assign_object", m, products=[storey], relating_object=building)
        matrix = np.eye(4)
        matrix[2, 3] = z
        run("geometry.edit_object_placement", m, product=storey, matrix=matrix)
        if k == 3:
            if roof:
                solid("IfcSlab", storey, 0, 0, 6.0, (8, 5, 0.3), predefined_type="ROOF")
            continue
        for x, width in ((0.0, 8.0), (2.0, 6.0)) if k == 2 else ((0.0, 8.0),):  # above, 2 x 3 m are left open
            y = 3.0 if x == 0.0 and k == 2 else 0.0
            solid("IfcSlab", storey, x, y, z - 0.2, (width, 5 - y, 0.2))
        solid("IfcSpace", storey, 0, 0, z, (8, 5, 2.8), name=f"{k}01").LongName = "起居室"
    solid("IfcSpace", storey=m.by_type("IfcBuildingStorey")[2], x=8, y=0, z=3.0, size=(1.5, 4, 2.8)).LongName = "阳台"
    more(m, solid)
    m.write(str(path))
    return path


def properties(m, product, name, **values):
    from ifcopenshell.api import run

    run("pset.edit_pset", m, pset=run("pset.add_pset", m, product=product, name=name), properties=values)


def footprint(m, site, ring):
    """Draw the outline of a site as its representation FootPrint."""
    from ifcopenshell.api import run

    model = next(c for c in m.by_type("IfcGeometricRepresentationContext") if c.ContextType == "Model")
    context = run("context.add_context", m, context_type="Model", context_identifier="FootPrint", parent=model)
    points = [m.create_entity("IfcCartesianPoint", (x * 1e3, y * 1e3)) for x, y in (*ring, ring[0])]
    curves = m.create_entity("IfcGeometricCurveSet", [m.create_entity("IfcPolyline", points)])
    shape = m.create_entity("IfcShapeRepresentation", context, "FootPrint", "GeometricCurveSet", [curves])
    run("geometry.edit_object_placement", m, product=site, matrix=np.eye(4))
    site.Representation = m.create_entity("IfcProductDefinitionShape", Representations=[shape])


def test_read_ifc__windows_at_the_outer_face_with_sill_size_facing_and_room(tmp_path):
    def more(m, solid):
        ground, upper, top = m.by_type("IfcBuildingStorey")[1:4]
        # South, 0.1 m thick, 0.2 m behind the face; west, a French one that says its size; upstairs, in no storey.
        solid("IfcWindow", ground, 2.0, 0.2, 0.9, (1.5, 0.1, 1.4), name="S")
        west = solid("IfcWindow", ground, 0.1, 2.0, 0.1, (0.1, 1.25, 2.2), name="W")
        west.OverallWidth, west.OverallHeight = 1200.0, 2100.0
        solid("IfcWindow", None, 3.0, 4.7, 4.0, (2.0, 0.2, 1.2), name="N")
        solid("IfcWindow", upper, 3.0, 2.5, 4.0, (2.0, 0.1, 1.2), name="inside")
        solid("IfcWindow", upper, 7.0, 0.2, 5.9, (1.0, 0.8, 0.1), name="flat")
        solid("IfcWindow", top, 2.0, 2.0, 6.3, (1.0, 1.0, 0.1), predefined_type="SKYLIGHT", name="sky")
        solid("IfcWindow", top, 2.0, 0.1, 6.4, (1.0, 0.1, 1.0), name="above")
        m.create_entity("IfcWindow", ifcopenshell.guid.new(), Name="no body")
        solid("IfcDoor", ground, 6.0, 0.1, 0.0, (1.0, 0.1, 2.0))

    town, notes = read(small_model(tmp_path / "windows.ifc", more=more))
    w = town.windows
    row = {name: int(np.flatnonzero(w.id == name)[0]) for name in ("S", "W", "N")}
    order = [row[k] for k in "SWN"]
    assert (len(w), w.building.tolist()) == (3, [0, 0, 0])
    assert w.storey[order].tolist() == [1, 1, 2]
    assert w.z[order] == pytest.approx([0.9, 0.1, 4.0])
    assert w.width[order] == pytest.approx([1.5, 1.2, 2.0])
    assert w.height[order] == pytest.approx([1.4, 2.1, 1.2])
    # The map conversion turns by 90°: x goes north, y goes west.
    assert w.azimuth[order] == pytest.approx([90.0, 180.0, 270.0])
    east, north = town.frame.to_map(np.column_stack([w.x, w.y])[order]).T
    assert east == pytest.approx([500_000, 500_000 - 2.625, 499_995])
    assert north == pytest.approx([3_350_002.75, 3_350_000, 3_350_004])
    assert w.kind[order].tolist() == [WindowKind.PLAIN, WindowKind.FRENCH, WindowKind.PLAIN]
    assert set(w.room.tolist()) == {RoomKind.LIVING}
    said = " | ".join(n.text for n in notes)
    for text in (
        "3 of 8 windows read", "1 in the storey at their height", "2 sized by their bodies", "1 French",
        "2 windows upright in no outer wall are left out", "1 windows in a roof are left out",
        "1 windows in a storey left out are left out", "1 windows without a body are left out",
        "1 doors and 0 curtain walls are not read as windows",
    ):  # fmt: skip
        assert text in said, text


@pytest.mark.parametrize("turn", [17.0, 90.0, 211.0])
def test_read_ifc__windows_turn_with_the_building(tmp_path, turn):
    def more(m, solid):
        ground = m.by_type("IfcBuildingStorey")[1]
        solid("IfcWindow", ground, 2.0, 0.2, 0.9, (1.5, 0.1, 1.4), name="S")
        solid("IfcWindow", ground, 7.75, 3.0, 1.0, (0.2, 1.2, 1.0), name="E")

    town, notes = read(small_model(tmp_path / "turned.ifc", mapped=False, turn=turn, more=more))
    assert any("2 in the storey that contains them, 2 sized by their bodies" in n.text for n in notes)
    w = town.windows
    order = [int(np.flatnonzero(w.id == name)[0]) for name in "SE"]
    assert w.azimuth[order] == pytest.approx(np.mod([180.0 - turn, 90.0 - turn], 360.0), abs=1e-3)
    assert w.width[order] == pytest.approx([1.5, 1.2])
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    wanted = np.array([(2.75, 0.0), (8.0, 3.6)]) @ np.array([(c, s), (-s, c)])
    assert town.frame.to_map(np.column_stack([w.x, w.y])[order]) == pytest.approx(
        wanted, abs=2e-5
    )  # outlines lie on a grid of 0.01 mm


def test_read_ifc__windows_of_the_real_models(shared_data):
    """Rooms behind are those whose space boundaries the files give to the windows; none is lost in silence."""
    from ifcopenshell.util.element import get_psets

    for name, read_of in (("AC20-FZK-Haus", (11, 11)), ("duplex", (22, 24))):
        path = shared_data / "ifc_buildings" / f"{name}.ifc"
        model = ifcopenshell.open(str(path))
        town, notes = read(path)
        w, said = town.windows, " | ".join(n.text for n in notes)
        assert (len(w), len(model.by_type("IfcWindow"))) == read_of
        assert f"{read_of[0]} of {read_of[1]} windows read" in said
        assert ("2 windows in a roof are left out" in said) == (name == "duplex")
        rows = {own.Name: row for row, own in enumerate(sorted(model.by_type("IfcWindow"), key=_row(w)))}
        behind = {}
        for r in model.by_type("IfcRelSpaceBoundary"):
            if r.RelatedBuildingElement is not None and r.RelatedBuildingElement.is_a("IfcWindow"):
                behind.setdefault(r.RelatedBuildingElement.Name, set()).add(r.RelatingSpace.LongName)
        for window, rooms in behind.items():
            kinds = {_ROOMS.get(r.split(" ")[0], RoomKind.UNKNOWN) for r in rooms}
            assert RoomKind(w.room[rows[window]]) in kinds, (window, rooms)
        if name == "duplex":  # Revit states sills above the level
            for window, row in rows.items():
                own = next(e for e in model.by_type("IfcWindow") if e.Name == window)
                sill = get_psets(own).get("PSet_Revit_Constraints", {}).get("Sill Height")
                if row < len(w) and sill is not None:
                    assert w.z[row] - town.storeys.z[w.storey[row]] == pytest.approx(sill, abs=1e-6)


_ROOMS = {
    "Schlafzimmer": RoomKind.BEDROOM, "Bad": RoomKind.OTHER, "Buero": RoomKind.OFFICE, "Wohnen": RoomKind.LIVING,
    "Küche": RoomKind.KITCHEN, "Flur": RoomKind.OTHER, "Living": RoomKind.LIVING, "Kitchen": RoomKind.KITCHEN,
    "Bedroom": RoomKind.BEDROOM,
}  # fmt: skip


def _row(windows):
    """Return a key that sorts elements as the rows of the table, those left out last."""
    order = {name: row for row, name in enumerate(windows.id)}
    return lambda element: order.get(element.Name, len(order))


def test_read_ifc__use_of_building_and_of_a_storey_by_its_rooms(tmp_path):
    def zoned(m, solid):
        from ifcopenshell.api import run

        zone = run("root.create_entity", m, ifc_class="IfcZone", name="Z")
        run("group.assign_group", m, products=[m.by_type("IfcSpace")[1]], group=zone)
        properties(m, zone, "Pset_ZoneCommon", OccupancyType="Mercantile")

    def stated(m, solid):
        zoned(m, solid)
        properties(m, m.by_type("IfcBuilding")[0], "Pset_BuildingCommon", OccupancyType="办公楼")

    def classified(m, solid):
        from ifcopenshell.api import run

        system = run("classification.add_classification", m, classification="Uses")
        run("classification.add_reference", m, products=m.by_type("IfcBuilding"), classification=system,
            identification="3", name="Primary school")  # fmt: skip

    town, notes = read(small_model(tmp_path / "rooms.ifc", more=zoned))
    assert town.buildings.use.tolist() == [BuildingUse.RESIDENTIAL]
    assert town.storeys.use.tolist() == [0, BuildingUse.RETAIL, 0]
    assert any("use residential, by rooms of 80 m²; 40 m² name another; L1 retail" in n.text for n in notes)
    town, notes = read(small_model(tmp_path / "stated.ifc", more=stated))
    assert town.buildings.use.tolist() == [BuildingUse.OFFICE]
    assert town.storeys.use.tolist() == [BuildingUse.RESIDENTIAL, BuildingUse.RETAIL, BuildingUse.RESIDENTIAL]
    assert any("use office, by '办公楼'" in n.text for n in notes)
    assert read(small_model(tmp_path / "class.ifc", more=classified))[0].buildings.use.tolist() == [BuildingUse.SCHOOL]


def test_read_ifc__site_is_the_parcel_where_it_has_an_outline(tmp_path):
    def drawn(m, solid):
        site = m.by_type("IfcSite")[0]
        footprint(m, site, [(-5, -5), (15, -5), (15, 15), (-5, 15)])
        properties(m, site, "Pset_SiteCommon", TotalArea=398.0, FloorAreaRatio=2.5, BuildingHeightLimit=9000.0)

    def stated(m, solid):
        properties(m, m.by_type("IfcSite")[0], "Pset_SiteCommon", TotalArea=398.0)

    town, notes = read(small_model(tmp_path / "drawn.ifc", more=drawn))
    p = town.parcels
    assert (p.id.tolist(), p.outline.areas()) == (["Site"], pytest.approx([400.0]))
    assert (p.area_declared, p.far_max, p.height_max) == tuple(pytest.approx([v]) for v in (398.0, 2.5, 9.0))
    assert town.buildings.parcel.tolist() == [0]
    corner = town.frame.to_map(p.outline.xy)
    assert corner.min(axis=0) == pytest.approx([499_985, 3_349_995])
    assert any("taken as a parcel of 400.0 m², as drawn; 398.0 m² stated" in n.text for n in notes)
    town, notes = read(small_model(tmp_path / "stated.ifc", more=stated))
    assert len(town.parcels) == 0
    assert any("site 'Site' has no outline, 398.0 m² stated; no parcel" in n.text for n in notes)


def test_read_ifc__areas_are_in_the_unit_of_areas(tmp_path):
    def more(m, solid):
        properties(m, m.by_type("IfcBuildingStorey")[1], "BaseQuantities", GrossFloorArea=40.0)

    town, _ = read(small_model(tmp_path / "area.ifc", more=more))  # lengths in mm, areas in m²
    assert town.storeys.area_declared == pytest.approx([np.nan, 40.0, np.nan], nan_ok=True)


def test_read_ifc__storeys_rooms_openings_and_place(tmp_path):
    town, notes = read(small_model(tmp_path / "small.ifc"))
    assert town.storeys.level.tolist() == [-1, 1, 2]
    assert town.storeys.kind.tolist() == [StoreyKind.BASEMENT, 0, 0]
    assert town.storeys.height == pytest.approx([3.0, 3.0, 2.8])
    assert town.buildings.footprint.areas() == pytest.approx([40.0])
    assert town.spaces.name.tolist() == ["起居室", "起居室", "起居室", "阳台"]
    assert town.spaces.kind.tolist() == [0, 0, 0, SpaceKind.BALCONY]
    assert town.voids.outline.areas() == pytest.approx([6.0])
    assert town.voids.kind.tolist() == [VoidKind.ATRIUM]
    assert town.frame.crs == "EPSG:4549"
    # Turned by 90°: the 8 m go north, and the 5 m west of the easting given.
    corner = town.frame.to_map(town.buildings.footprint.xy)
    assert corner.min(axis=0) == pytest.approx([499_995, 3_350_000])
    assert corner.max(axis=0) == pytest.approx([500_000, 3_350_008])
    assert any("阳台 → balcony" in n.text for n in notes)
    assert any("storey 'L3'" in n.text for n in notes.at_least("warning"))
    t = floor_areas(town).totals()
    assert (t["above_ground_m2"], t["below_ground_m2"]) == pytest.approx((40 + 34 + 3, 40))


def test_read_ifc__what_is_no_model_with_storeys_is_said(tmp_path):
    empty = tmp_path / "empty.ifc"
    ifcopenshell.file(schema="IFC4").write(str(empty))
    with pytest.raises(FormatError, match=r"empty\.ifc: the model must have storeys with walls or rooms"):
        read(empty)
    for entity in ("IFCDIRECTION", "IFCAXIS2PLACEMENT3D", "IFCMAPCONVERSION"):  # a reference to what is no entity
        lines = small_model(tmp_path / "whole.ifc").read_text(encoding="utf-8").splitlines()
        last = max(k for k, line in enumerate(lines) if f"={entity}(" in line)
        lines[last] = lines[last].split("(")[0] + "('x',-1.,'x','x',$,$,$,'x');"
        (tmp_path / "damaged.ifc").write_text("\n".join(lines), encoding="utf-8")
        with contextlib.suppress(FormatError):  # it is read without, or refused; never an error of another kind
            read(tmp_path / "damaged.ifc")
    broken = tmp_path / "broken.ifc"
    broken.write_bytes(b"ISO-10303-21;\nHEADER;\n" + bytes(range(256)))
    with pytest.raises(FormatError, match=r"broken\.ifc: it must be an IFC model"):
        read(broken)


def test_read_ifc__real_models_state_the_same_areas(shared_data):
    from ifcopenshell.util.element import get_psets

    for name, key, sets in (("AC20-FZK-Haus", "GrossFloorArea", "BaseQuantities"), ("duplex", "", "")):
        path = shared_data / "ifc_buildings" / f"{name}.ifc"
        town, _ = read(path)
        areas = dict(zip(town.spaces.id, town.spaces.outline.areas(), strict=True))
        heights = dict(zip(town.spaces.id, town.spaces.clear_height, strict=True))
        model = ifcopenshell.open(str(path))
        for e in model.by_type("IfcSpace"):
            told = get_psets(e)
            if e.Name not in areas:
                continue
            if key:
                assert areas[e.Name] == pytest.approx(told[sets][key], abs=0.001)
            elif e.LongName not in ("Hallway", "Stair", "Room"):  # those have sloping stairs for a floor or ceiling
                assert areas[e.Name] * heights[e.Name] == pytest.approx(told["PSet_Revit_Dimensions"]["Volume"], 1e-3)


def test_read_ifc__real_storeys_and_pitched_roof(shared_data):
    house, _ = read(shared_data / "ifc_buildings" / "AC20-FZK-Haus.ifc")
    assert house.plates.outline.areas() == pytest.approx([120.0, 120.0])  # 12 x 10 m outside
    assert house.storeys.kind.tolist() == [0, StoreyKind.ATTIC]
    assert house.storeys.area_declared[0] == pytest.approx(119.824, abs=0.001)
    assert house.location is not None
    assert (house.parcels.outline.areas(), house.parcels.height_max) == (pytest.approx([288.0]), pytest.approx([9.0]))
    assert house.buildings.use.tolist() == [BuildingUse.RESIDENTIAL]
    areas = floor_areas(house)
    assert areas.reconcile()["agrees"].tolist() == [True, False]  # of the attic, the model states the whole floor
    assert areas.of_storeys()[1] < 0.75 * 120
    duplex, notes = read(shared_data / "ifc_buildings" / "duplex.ifc")
    assert (len(duplex.storeys), len(duplex.spaces), len(duplex.parcels)) == (2, 20, 0)
    assert duplex.buildings.use.tolist() == [BuildingUse.RESIDENTIAL]
    assert duplex.voids.kind.tolist() == [VoidKind.STAIR, VoidKind.STAIR]
    left = [n.text.split("'")[1] for n in notes if n.text.startswith("storey ")]
    assert left == ["T/FDN", "Roof"]
