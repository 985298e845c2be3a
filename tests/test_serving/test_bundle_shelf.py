"""The shelf serves what its pointer names, and nothing that was tampered with."""

from __future__ import annotations

import json
import shutil

import pytest

from features.catalogue import CATALOGUE
from models.bundle import MANIFEST, BundleError
from serving.bundles import Shelf


@pytest.fixture(scope="module")
def made(shop):
    """The folder of the bundle that the small shop trained."""
    bundles = shop.settings.path("bundles")
    return bundles / (bundles / "champion").read_text()


@pytest.fixture
def another(made, tmp_path):
    """A bundle that differs in the day it was made."""
    folder = tmp_path / "another"
    shutil.copytree(made, folder)
    stated = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(stated | {"made_at": "2025-03-04T00:00:00Z"}))
    return folder


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "shelf", CATALOGUE.hashes)


def test_without_a_champion_the_error_says_how_to_make_one(shelf):
    with pytest.raises(BundleError, match=r"must be on the shelf .*found none: `bocian train`"):
        shelf.champion()


def test_what_is_put_and_pointed_to_serves(shelf, made, another):
    first, second = shelf.put(made), shelf.put(another)
    shelf.point_to(first)
    assert shelf.champion().digest == first == made.name
    shelf.point_to(second)
    assert shelf.champion().digest == second != first
    assert shelf.get(first).bundle.made_at == "2025-03-03T09:30:00Z"


def test_putting_the_same_bundle_twice_leaves_one(shelf, made, tmp_path):
    assert shelf.put(made) == shelf.put(made)
    assert [f.name for f in (tmp_path / "shelf").iterdir()] == [made.name]


def test_a_copy_that_broke_off_is_made_anew(shelf, made, tmp_path):
    draft = tmp_path / "shelf" / f".{made.name}"
    draft.mkdir(parents=True)
    (draft / MANIFEST).write_text("{")
    assert shelf.get(shelf.put(made)).digest == made.name


def test_a_tampered_bundle_is_refused_and_the_one_before_goes_on(shelf, made, another, tmp_path):
    good, bad = shelf.put(made), shelf.put(another)
    shelf.point_to(good)
    manifest = tmp_path / "shelf" / bad / MANIFEST
    manifest.write_text(manifest.read_text().replace('"margin": 0.3', '"margin": 0.9'))
    with pytest.raises(BundleError, match="must have its own digest, got: "):
        shelf.point_to(bad)
    assert shelf.champion().digest == good
    assert Shelf(tmp_path / "shelf", CATALOGUE.hashes).champion().digest == good


@pytest.mark.parametrize("file", ["churn.txt", MANIFEST])
def test_a_damaged_bundle_is_refused(shelf, made, tmp_path, file):
    name = shelf.put(made)
    path = tmp_path / "shelf" / name / file
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(BundleError, match=r"cannot be read|as they were saved"):
        shelf.point_to(name)


def test_a_bundle_of_another_catalogue_is_refused(made, tmp_path):
    shelf = Shelf(tmp_path / "shelf", CATALOGUE.hashes | {"orders_28d": "another"})
    name = shelf.put(made)
    with pytest.raises(BundleError, match=r"missing: \[\], changed: \['orders_28d'\]"):
        shelf.point_to(name)


def test_effects_must_be_of_the_declared_arms(shelf, another):
    stated = json.loads((another / MANIFEST).read_text())
    stated["policy"]["actions"].pop()
    (another / MANIFEST).write_text(json.dumps(stated))
    with pytest.raises(BundleError, match="effects must be of its actions' arms"):
        shelf.point_to(shelf.put(another))
