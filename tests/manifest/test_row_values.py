"""What a row may decide beside the prompt: images, tags, takes; and where else variables are filled in."""

import pytest

from tests.manifest.conftest import Load, LoadErrors, LoadValid, WriteFile

HEAD = "version: 1\ncampaign: t\n"
SHOT = HEAD + "shots:\n  - id: sku-${sku}\n    prompt: A ${sku}\n    rows: p.csv\n"


def test_rows_without_an_image_are_text_to_video(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,image,second\nA1,https://e.com/a.jpg,\nA2,,\nA3, ,https://e.com/c.jpg\n")
    campaign = load_valid(SHOT + "    image_urls: ['${image}', '$second']\n")
    assert [take.input.get("image_urls") for take in campaign.takes] == [
        ["https://e.com/a.jpg"],
        None,
        ["https://e.com/c.jpg"],
    ]


def test_a_part_of_an_item_may_not_be_empty(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,image\nA1,\n")
    (error,) = load_errors(SHOT + "    image_urls: ['https://${image}']\n")
    assert "is not a URL" in error


def test_an_item_of_several_variables_that_are_all_empty_is_an_error(
    load_errors: LoadErrors, write_file: WriteFile
) -> None:
    write_file("p.csv", "sku,folder,image\nA1,,\n")
    (error,) = load_errors(SHOT + "    image_urls: ['${folder}${image}']\n")
    assert error.startswith("7:18: error: the image URL `` is empty, for the row at")


def test_an_image_url_is_trimmed(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", 'sku,image\nA1," https://e.com/a.jpg\n"\n')
    campaign = load_valid(SHOT + "    image_urls: ['${image}', 'https://e.com/b.jpg ']\n")
    assert next(campaign.takes).input["image_urls"] == ["https://e.com/a.jpg", "https://e.com/b.jpg"]


@pytest.mark.parametrize("between", [";", ",", "|", " ", "\n", " ; "])
def test_two_urls_in_one_item_are_an_error(load_errors: LoadErrors, write_file: WriteFile, between: str) -> None:
    write_file("p.csv", f'sku,image\nA1,"https://e.com/a.jpg{between}https://e.com/b.jpg"\n')
    (error,) = load_errors(SHOT + "    image_urls: ['${image}']\n")
    assert error.startswith("7:18: error: two URLs are in one item")
    assert error.endswith('write two items, from a table of two columns: `["${image}", "${image_2}"]`')


@pytest.mark.parametrize("value", ["a.jpg b.PNG", "a.jpg;b.png", "sub/a.jpeg, b.webp"])
def test_two_files_in_one_item_are_an_error(load_errors: LoadErrors, write_file: WriteFile, value: str) -> None:
    write_file("p.csv", f'sku,image\nA1,"{value}"\n')
    text = SHOT.replace("shots:", "images: {base_url: 'https://e.com/'}\nshots:")
    (error,) = load_errors(text + "    image_urls: ['${image}']\n")
    assert "two images are in one item" in error


@pytest.mark.parametrize(
    "url",
    [
        "https://res.example.com/image/fetch/w_300/https://e.com/a.jpg",
        "https://e.com/a.jpg?next=1,https://e.com/b.jpg",
        "https://e.com/a,b;c.jpg",
    ],
)
def test_one_url_inside_another_is_right(load_valid: LoadValid, write_file: WriteFile, url: str) -> None:
    write_file("p.csv", f'sku,image\nA1,"{url}"\n')
    assert next(load_valid(SHOT + "    image_urls: ['${image}']\n").takes).input["image_urls"] == [url]


def test_tags_of_a_row_are_split_at_commas(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", 'sku,tags\nA1,"spring, lamp,,spring"\nA2,\n')
    assert [take.tags for take in load_valid(SHOT + "    tags: ${tags}\n").takes] == [("spring", "lamp"), ()]
    assert [take.tags for take in load_valid(SHOT + "    tags: [x, '${tags}']\n").takes] == [
        ("x", "spring, lamp,,spring"),
        ("x",),
    ]


def test_takes_of_a_row(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,takes\nA1,2\nA2,\nA3, 3 \n")
    assert [len(shot.takes) for shot in load_valid(SHOT + "    takes: ${takes}\n").shots] == [2, 1, 3]
    defaults = SHOT.replace("shots:", "defaults: {takes: 4}\nshots:")
    assert [len(shot.takes) for shot in load_valid(defaults + "    takes: $takes\n").shots] == [2, 4, 3]
    defaults = SHOT.replace("shots:", "defaults: {takes: '${takes}'}\nshots:")
    assert [len(shot.takes) for shot in load_valid(defaults).shots] == [2, 1, 3]


@pytest.mark.parametrize("value", ["0", "101", "-1", "1.0", "two", "²", "1000000000000", "01"])
def test_takes_that_are_no_number_are_an_error(load_errors: LoadErrors, write_file: WriteFile, value: str) -> None:
    write_file("p.csv", f"sku,takes\nA1,1\nA2,{value}\n")
    (error,) = load_errors(SHOT + "    takes: ${takes}\n")
    assert error.startswith(f"7:12: error: `takes` must be a whole number from 1 to 100, not `{value}`, for the row at")
    assert "p.csv:3:4" in error


@pytest.mark.parametrize("text", ["two", "${takes}0", "x${takes}", "'2'", "$", "${takes}${takes}"])
def test_any_other_text_as_takes_is_an_error(load_errors: LoadErrors, write_file: WriteFile, text: str) -> None:
    write_file("p.csv", "sku,takes\nA1,1\n")
    (error,) = load_errors(SHOT + f"    takes: {text}\n")
    assert error.startswith("7:12: error: `takes` must be a whole number from 1 to 100, not ")


def test_takes_of_all_rows_are_counted_before_they_are_built(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,takes\n" + "".join(f"{n},100\n" for n in range(1001)))
    (error,) = load_errors(SHOT + "    takes: ${takes}\n")
    assert "1,001 rows and their takes make 100,100 takes; a campaign has at most 100,000" in error


def test_a_var_may_use_the_ones_above_it(load_valid: LoadValid) -> None:
    text = HEAD + "vars: {light: soft, style: '${light} window, $5, $$, ${below}', below: x}\n"
    campaign = load_valid(text + "shots: [{id: a, prompt: 'A lamp, ${style} ${below}'}]\n")
    assert next(campaign.takes).input["prompt"] == "A lamp, soft window, $5, $$, ${below} x"


def test_a_variable_can_be_meant_as_text(load_valid: LoadValid) -> None:
    text = HEAD + "model: acme/video\nvars: {a: x, b: '$${a} ${a}'}\n"
    campaign = load_valid(text + "shots: [{id: a, prompt: '$${a} ${a} ${b}', input: {t: '$${a} ${a} $$'}}]\n")
    assert next(campaign.takes).input == {"prompt": "${a} x ${a} x", "t": "${a} x $$"}


def test_vars_that_grow_without_end_are_refused(load_errors: LoadErrors) -> None:
    doubled = ", ".join(f"v{n}: '${{v{n - 1}}}${{v{n - 1}}}'" for n in range(1, 60))
    (error,) = load_errors(HEAD + f"vars: {{v0: ten letters, {doubled}}}\nshots: [{{id: a, prompt: '${{v59}}'}}]\n")
    assert "is longer than a million characters" in error


def test_variables_are_filled_into_the_texts_of_input(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,neg\nA1,blurry\nA2,\n")
    text = SHOT.replace("shots:", "model: acme/video\nshots:")
    text += "    input: {negative: '${neg}, $5, $$, ${unknown}', deep: [{t: 'no ${sku}'}], n: 1, '${sku}': k}\n"
    assert [take.input["negative"] for take in load_valid(text).takes] == [
        "blurry, $5, $$, ${unknown}",
        ", $5, $$, ${unknown}",
    ]
    first = next(load_valid(text).takes).input
    assert (first["deep"], first["n"], first["${sku}"]) == ([{"t": "no A1"}], 1, "k")


def test_a_value_filled_into_input_is_checked_by_the_models_schema(
    load_errors: LoadErrors, write_file: WriteFile
) -> None:
    write_file("p.csv", "sku,neg\nA1,blurry\n")
    (error, *_) = load_errors(SHOT + "    input: {negative_prompt: '${neg}'}\n")
    assert "negative_prompt" in error


def test_what_a_shot_uses_of_its_row_goes_with_its_takes(load_valid: LoadValid, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,Shot Name,unused\nA1,lamp,x\n")
    text = SHOT.replace("A ${sku}", "${shot_name} ${scene} ${style} ${row}")
    text = text.replace("sku-${sku}", "${sku}-${scene}").replace("shots:", "vars: {style: s}\nshots:")
    take = next(load_valid(text + "    matrix: {scene: [loft, den]}\n").takes)
    assert take.variables == {"sku": "A1", "shot_name": "lamp", "scene": "loft", "row": "001"}


def test_keys_of_ones_own_begin_with_x(load_valid: LoadValid, load_errors: LoadErrors) -> None:
    text = HEAD + "x-notes: [anything, {at: all}]\nx-: 1\nshots: [{id: a, prompt: A, x-owner: me}]\n"
    assert next(load_valid(text).takes).input == {"prompt": "A"}
    (error,) = load_errors(text + "X-notes: 1\n")
    assert "unknown key `X-notes`" in error
    (error,) = load_errors(HEAD + "limits: {x-cap: 1}\nshots: [{id: a, prompt: A}]\n")
    assert "unknown key `x-cap`" in error


@pytest.mark.parametrize("value", ["日本", "!!!", "—"])
def test_a_value_of_which_an_id_holds_nothing_is_an_error(
    load_errors: LoadErrors, write_file: WriteFile, value: str
) -> None:
    write_file("p.csv", f"sku\nA1\n{value}\nB2\n{value}\n")
    (error,) = load_errors(SHOT)
    assert error.startswith(
        f"4:9: error: `{value}` has no letter or digit that an ID may hold, for the row at p.csv:3:1"
    )
    assert error.endswith(", and for 1 more; use another column, or `${row}`, the row's number")


def test_ids_that_are_too_long_are_one_finding(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "sku\n" + "".join(f"{'x' * length}\n" for length in range(110, 122)) + "A1\n")
    (error,) = load_errors(SHOT)
    assert "which has 114 characters; an ID has at most 100, for the row at p.csv:2:1, and for 11 more" in error
    assert error.endswith("; use another column, or `${row}`, the row's number")


def test_an_empty_value_in_an_id_is_only_a_warning(load: Load, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,n\n,1\n")
    loaded = load(SHOT.replace("A ${sku}", "A ${n}").replace("sku-${sku}", "sku-${sku}-x"))
    assert loaded.campaign is not None
    assert [take.id for take in loaded.campaign.takes] == ["sku--x"]
    assert [found.code for found in loaded.diagnostics] == ["empty-value"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${{ matrix.colour }}", "did you mean `${colour}`?"),
        ("${p.name}", "known: `${colour}`"),
        ("${2colour}", "did you mean `${colour}`?"),
        ("${colour:-white}", "did you mean `${colour}`?"),
        ("${}", "known: `${colour}`"),
        ("${Farbe der Lampe}", "known: `${colour}`"),
    ],
)
def test_a_name_that_cannot_be_written_is_told_what_can(load_errors: LoadErrors, written: str, expected: str) -> None:
    (error,) = load_errors(HEAD + f"shots: [{{id: '${{colour}}', prompt: 'A {written}', matrix: {{colour: [x]}}}}]\n")
    assert "is not a variable: a name has only letters a to z, digits and `_`" in error
    assert error.endswith(expected)
    assert "$$" not in error


def test_only_names_that_can_be_written_are_proposed(
    load_valid: LoadValid, load_errors: LoadErrors, write_file: WriteFile
) -> None:
    write_file("p.csv", "sku,Shot Description\nA1,x\n")
    (error,) = load_errors(SHOT.replace("A ${sku}", "A ${zzz}"))
    proposed = error.partition("known: ")[2].replace("`", "").split(", ")
    assert proposed == ["${sku}", "${shot_description}", "${row}"]
    for name in proposed:
        load_valid(SHOT.replace("A ${sku}", f"A {name}"))


def test_a_header_that_has_no_slug_must_be_renamed(load_errors: LoadErrors, write_file: WriteFile) -> None:
    write_file("p.csv", "sku,描述\nA1,x\n")
    (error,) = load_errors(SHOT.replace("A ${sku}", "A ${描述}"))
    assert error.endswith("rename it in the table's header, with the letters a to z")


@pytest.mark.parametrize("written", ["$(colour)", "${colour thing", "${ colour"])
def test_a_known_name_after_a_dollar_is_never_doubled(load_errors: LoadErrors, written: str) -> None:
    (error,) = load_errors(HEAD + f"shots: [{{id: '${{colour}}', prompt: 'A {written}', matrix: {{colour: [x]}}}}]\n")
    assert error.endswith("is not how a variable is written; did you mean `${colour}`?")
