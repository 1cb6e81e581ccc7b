"""Sample tables as people save them, and what is said of those that cannot be read."""

from pathlib import Path

import pytest

from cgnmc_bluesky.beamline.samples import Sample, read_samples
from cgnmc_bluesky.beamline.tables import SampleTableError

TOML = '[[sample]]\nname = "a"\nmaterial = "A"\ncycles = 1\nedges = ["Ni L2,3", "Co K"]\n'


@pytest.mark.parametrize(
    "content",
    [
        "name,material,cycles,edges\na,A,1,Ni L3; Co K\n",
        "\ufeffname,material,cycles,edges\r\na,A,1,Ni L3; Co K\r\n\r\n",
        'Name;Material;Cycles;Edges;Comment\na;A;1;"ni_l3; co_k";a spot, later another\n',
        "# a comment\nname\tmaterial\tcycles\tedges\n\n a\tA \t1.0\tNi L,Co K\n",
        'name, material, cycles, edges\na, A, 1, "Ni L2,3, Co K"\n',
        TOML,
    ],
)
def test_a_table_is_read_however_it_was_saved(tmp_path: Path, content: str) -> None:
    path = tmp_path / ("table.toml" if content.startswith("[[") else "table.csv")
    path.write_text(content, encoding="utf-8", newline="")
    read = read_samples(path, ["position"])
    read.check()
    assert read.series == "table"
    assert read.samples == [Sample(name="a", material="A", cycles=1, edges=("Ni L3", "Co K"))]


def test_a_sample_says_what_the_table_says() -> None:
    (sample,) = read_samples(
        [{"name": 5, "material": "A", "cycles": 1, "edges": "Ni L; Co L", "cutoff_v": 4}], []
    ).samples
    assert sample is not None
    assert [at.metadata() for at in sample.at_its_edges()] == [
        {"sample": "5", "material": "A", "cycles": 1, "cutoff_v": 4.0, "edge": edge}
        for edge in ("Ni L3", "Co L3")
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "t.csv holds no sample: give a row for each"),
        ("t.csv", b"name,material,cycles\n", "t.csv holds no sample"),
        ("t.csv", b"name,name,cycles\na,b,1\n", "t.csv has 2 columns 'name': one is enough"),
        ("t.csv", b"name,m\xe4rz\na,1\n", r"t.csv is no text in UTF-8 \(byte 6\): save it"),
        ("t.csv", b'name\n"' + b"x" * 140_000, "t.csv is no table: field larger than"),
        ("t.toml", b"[sample\n", "t.toml is no TOML: "),
        ("t.toml", b'serie = "x"\n', "t.toml has no key 'serie'; did you mean 'series'"),
        ("t.toml", b'series = ""\n[[sample]]\n', "t.toml, series is '': give the series a name"),
        ("t.toml", b'sample = "x"\n', r"t.toml is 'x': .* in TOML a block \[\[sample\]\] each"),
    ],
)
def test_a_file_that_is_no_table_is_named(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SampleTableError, match=message):
        read_samples(tmp_path / name, [])


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(SampleTableError, match=r"cannot be read: Is a directory"):
        read_samples(tmp_path, [])
