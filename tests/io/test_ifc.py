"""IFC models: a small one made here, and the areas that two real ones state themselves."""

from __future__ import annotations

import numpy as np
import pytest

from cimkit.errors import FormatError
from cimkit.io.files import read
from cimkit.model.kinds import SpaceKind, StoreyKind, VoidKind
from cimkit.sim.areas import floor_areas

ifcopenshell = pytest.importorskip("ifcopenshell")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # ifcopenshell's own


def small_model(path, *, mapped=True, roof=True):
    """Write two storeys of 8 x 5 m over a basement, in millimetres: rooms, a balcony, slabs, an opening in a slab."""
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

    def solid(ifc_class, storey, x, y, z, size, **about):
        element = run("root.create_entity", m, ifc_class=ifc_class, **about)
        profile = m.create_entity("IfcRectangleProfileDef", "AREA", XDim=size[0] * 1e3, YDim=size[1] * 1e3)
        shape = run("geometry.add_profile_representation", m, context=body, profile=profile, depth=size[2])
        run("geometry.assign_representation", m, product=element, representation=shape)
        matrix = np.eye(4)
        matrix[:3, 3] = x + 0.5 * size[0], y + 0.5 * size[1], z
        run("geometry.edit_object_placement", m, product=element, matrix=matrix)
        relation = "aggregate.assign_object" if ifc_class == "IfcSpace" else "spatial.assign_container"
        to = "relating_object" if ifc_class == "IfcSpace" else "relating_structure"
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
    m.write(str(path))
    return path


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
    areas = floor_areas(house)
    assert areas.reconcile()["agrees"].tolist() == [True, False]  # of the attic, the model states the whole floor
    assert areas.of_storeys()[1] < 0.75 * 120
    duplex, notes = read(shared_data / "ifc_buildings" / "duplex.ifc")
    assert (len(duplex.storeys), len(duplex.spaces)) == (2, 20)
    assert duplex.voids.kind.tolist() == [VoidKind.STAIR, VoidKind.STAIR]
    left = [n.text.split("'")[1] for n in notes if n.text.startswith("storey ")]
    assert left == ["T/FDN", "Roof"]
