"""What vendors must be told is filled in from what was answered, or what is missing is named, all of it."""

import json
from typing import Any

import pytest
from attrs import evolve
from support.published import SPEC, needs_spec

from ingram_orders import (
    AsyncLine,
    AsyncOrderCreateDTO,
    Attribute,
    InvalidRequestError,
    VendorAttributesRequest,
    VendorRequiredInfo,
    fill_in_vendor_info,
    structure,
    unstructure,
)


def asked(name: str, value: str = "", *choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"attributeName": name, "attributeValue": value, "choices": [*choices], **more}


def choice(value: str, *further: dict[str, Any]) -> dict[str, Any]:
    return {"attributeValue": value, "attributeDescription": f"take {value}", "choices": [*further]}


def answered(*attributes: dict[str, Any], kind: str = "vri", **more: Any) -> VendorRequiredInfo:
    vendor = {"vendorName": "Acme", "productId": "P1", "additionalAttributes": [*attributes]}
    return structure({"planId": "7", f"{kind}AdditionalAttributes": [vendor], **more}, VendorRequiredInfo)


ORDER = AsyncOrderCreateDTO(customer_order_number="PO-1", lines=[AsyncLine(plan_id="7"), AsyncLine(plan_id="8")])
QUOTE = AsyncOrderCreateDTO(customer_order_number="PO-1", quote_number="QUO-1")


def of_line(order: AsyncOrderCreateDTO, index: int = 0) -> Any:
    """Give what one vendor is told in a line."""
    assert order.lines is not None
    [vendor] = unstructure(order.lines[index])["vriAdditionalAttributes"]
    assert (vendor["vendorName"], vendor["productId"]) == ("Acme", "P1")
    return vendor["additionalAttributes"]


def problems_of(*args: Any, **settings: Any) -> list[str]:
    with pytest.raises(InvalidRequestError) as refused:
        fill_in_vendor_info(*args, **settings)
    return [*refused.value.problems]


def test_what_a_subscription_requires_goes_to_its_line() -> None:
    filled = fill_in_vendor_info(ORDER, [answered(asked("mpn"))], {"mpn": "55"})
    assert of_line(filled) == [{"attributeName": "mpn", "attributeValue": "55"}]
    assert filled.lines is not None
    assert filled.lines[1] == AsyncLine(plan_id="8")
    assert evolve(filled, lines=ORDER.lines) == ORDER
    assert ORDER.lines is not None
    assert ORDER.lines[0].vri_additional_attributes is None


@pytest.mark.parametrize("name", ["ingramPartNumber", "vendorPartNumber", "planId"])
def test_a_line_is_known_by_any_of_its_numbers(name: str) -> None:
    line = {"ingramPartNumber": "A", "vendorPartNumber": "B", "planid": "C"}
    order = structure({"lines": [{"ingramPartNumber": "Z"}, line]}, AsyncOrderCreateDTO)
    said = {"planId": "", "ingramPartNumber": "", name: {"i": "A", "v": "B", "p": "C"}[name[0]]}
    assert of_line(fill_in_vendor_info(order, [answered(asked("mpn"), **said)], {"mpn": "5"}), 1)


def test_a_line_that_is_of_another_plan_of_the_same_product_is_not_meant() -> None:
    lines = [AsyncLine(ingram_part_number="A", plan_id=it) for it in ("1", "2", "2")]
    answer = [answered(asked(f"of_{it}"), ingramPartNumber="A", planId=it) for it in ("1", "2")]
    filled = fill_in_vendor_info(AsyncOrderCreateDTO(lines=lines), answer, {"of_1": "x", "of_2": "y"})
    names = [[it["attributeName"] for it in of_line(filled, line)] for line in range(3)]
    assert names == [["of_1"], ["of_2"], ["of_2"]]


def test_what_is_filled_in_again_is_replaced_and_what_else_is_there_stays() -> None:
    of_line_, of_order = answered(asked("a"), asked("b")), answered(asked("a"), asked("c"), kind="vmf")
    by_vendor = answered(asked("k", "", choice("x"), choice("y")), kind="vmf")
    once = fill_in_vendor_info(ORDER, [of_line_, of_order, by_vendor], {"a": "1", "b": "2", "c": "3", "k": "x"})
    again = fill_in_vendor_info(
        once, [answered(asked("a")), of_order, of_order, by_vendor, by_vendor], {"a": "4", "c": "5", "k": "y"}
    )
    assert of_line(again) == [
        {"attributeName": "a", "attributeValue": "4"}, {"attributeName": "b", "attributeValue": "2"},
    ]  # fmt: skip
    written = unstructure(again)
    assert [it["attributeValue"] for it in written["vmfAdditionalAttributes"]] == ["4", "5"]
    [vendor] = written["vmfVendorAdditionalAttributes"]
    assert [it["attributeValue"] for it in vendor["additionalAttributes"]] == ["y"]
    quoted = fill_in_vendor_info(QUOTE, [of_line_], {"a": "1", "b": "2"})
    quoted = fill_in_vendor_info(quoted, [answered(asked("d"))], {"d": "3"})
    [vendor] = unstructure(quoted)["vriAdditionalAttributes"]
    assert [it["attributeName"] for it in vendor["additionalAttributes"]] == ["a", "b", "d"]


def test_choices_that_cannot_be_read_are_told() -> None:
    question = answered({"attributeName": "a", "choices": ["x"]})
    assert problems_of(ORDER, [question], {"a": "x"}) == ["a: its choices cannot be read"]


def test_what_a_quote_requires_goes_to_the_order() -> None:
    filled = fill_in_vendor_info(QUOTE, [answered(asked("mpn"))], {"mpn": "55"})
    assert filled.vri_additional_attributes is not None
    assert [it.vendor_name for it in filled.vri_additional_attributes] == ["Acme"]
    assert filled.lines is None


def test_what_hardware_requires_goes_to_the_order_and_with_choices_by_its_vendor() -> None:
    plain, nested = answered(asked("flag"), kind="vmf"), answered(asked("kind", "", choice("x")), kind="vmf")
    there = evolve(ORDER, vmf_additional_attributes=[Attribute(attribute_name="there", attribute_value="1")])
    filled = fill_in_vendor_info(there, [plain, nested], {"flag": "1", "kind": "x"})
    assert filled.vmf_additional_attributes == (
        Attribute(attribute_name="there", attribute_value="1"), Attribute(attribute_name="flag", attribute_value="1"),
    )  # fmt: skip
    assert filled.vmf_vendor_additional_attributes is not None
    [vendor] = filled.vmf_vendor_additional_attributes
    assert isinstance(vendor, VendorAttributesRequest)
    assert vendor.vendor_name == "Acme"
    assert filled.lines == ORDER.lines


def test_a_choice_takes_what_it_requires_to_any_depth() -> None:
    deep = asked("c", "", choice("c1", asked("d"), asked("e")))
    question = answered(asked("a", "a1,a2", choice("a1", asked("b"), deep), choice("a2", asked("never"))))
    filled = fill_in_vendor_info(ORDER, [question], {"a": "a1", "b": "1", "c": "c1", "d": "2", "e": "3", "other": "4"})
    assert of_line(filled) == [
        {
            "attributeName": "a",
            "attributeValue": "a1",
            "choices": [
                {
                    "attributeValue": "a1",
                    "attributeDescription": "take a1",
                    "choices": [
                        {"attributename": "b", "attributeValue": "1"},
                        {
                            "attributename": "c",
                            "attributeValue": "c1",
                            "choices": [
                                {
                                    "attributeValue": "c1",
                                    "choices": [
                                        {"attributename": "d", "attributeValue": "2"},
                                        {"attributename": "e", "attributeValue": "3"},
                                    ],
                                }
                            ],
                        },
                    ],
                }
            ],
        }
    ]


def test_everything_that_is_missing_or_wrong_is_named_at_once() -> None:
    question = answered(
        asked("mpn", "55", attributeDescription="Partner Number", attributeHint="digits"),
        asked("mode", "", choice("new", asked("domain")), choice("old", asked("id"))),
        asked("size", "", choice("s")),
        asked("terms", "yes,no"),
    )
    values: Any = {"mode": "old", "size": "xl", "terms": True}
    assert problems_of(ORDER, [question, question], values) == [
        "mpn is required by Acme (Partner Number; digits; 55)",
        "id is required by Acme",
        "size: 'xl' is none of s",
        "terms: True is not text",
    ]
    assert problems_of(QUOTE, [question], {"mpn": "", "size": "s", "terms": "no"}) == [
        "mpn is required by Acme (Partner Number; digits; 55)",
        "mode is required by Acme (new, old)",
    ]


@pytest.mark.parametrize(
    ("word", "is_required"),
    [("false", False), ("No", False), (" n", False), ("0", False), (False, False), ("true", True), ("", True)],
)
def test_what_is_not_required_may_be_left_out(word: object, is_required: bool) -> None:
    question = answered(asked("mpn", attributeRequired=word))
    if is_required:
        assert problems_of(ORDER, [question], {}) == ["mpn is required by Acme"]
    else:
        assert of_line(fill_in_vendor_info(ORDER, [question], {})) == []


def test_what_is_proposed_is_taken_where_that_is_wanted_and_it_is_one_value() -> None:
    question = answered(asked("mpn", "55"), asked("terms", "yes,no"), asked("city"))
    assert problems_of(ORDER, [question], {}, takes_defaults=True) == [
        "terms is required by Acme (yes,no)",
        "city is required by Acme",
    ]
    filled = fill_in_vendor_info(ORDER, [question], {"terms": "no", "city": "X"}, takes_defaults=True)
    assert [it["attributeValue"] for it in of_line(filled)] == ["55", "no", "X"]


def test_a_product_that_is_not_ordered_is_told() -> None:
    question = answered(asked("mpn"), planId="9", ingramPartNumber="5DV")
    assert problems_of(ORDER, [question], {"mpn": "5"}) == ["no line of the order is of product '5DV' or plan '9'"]
    assert fill_in_vendor_info(ORDER, [VendorRequiredInfo(plan_id="9")], {}) == ORDER  # nothing is required of it


@needs_spec
def test_the_published_answers_can_be_filled_in() -> None:
    examples = [
        structure(info, VendorRequiredInfo)
        for it in json.loads((SPEC / "examples.json").read_text("utf-8"))
        if "vendorrequiredinfo" in it["path"] and it["kind"] == "response"
        for info in it["value"]
    ]
    for mode in ("new", "existing"):
        values = {"tenant_preference": mode}
        order = AsyncOrderCreateDTO(lines=[AsyncLine(plan_id="438308")])
        missing = [it.split(" is required")[0] for it in problems_of(order, examples, values)]
        assert len(missing) > 3
        filled = unstructure(fill_in_vendor_info(order, examples, values | dict.fromkeys(missing, "x")))
        assert [it["attributeName"] for it in filled["vmfAdditionalAttributes"]] == [
            "HEADER_ENDUSER", "VEUD_AUTH_NBR_FLG",
        ]  # fmt: skip
        [vendor] = filled["lines"][0]["vriAdditionalAttributes"]
        [taken] = [it for it in vendor["additionalAttributes"] if it["attributeName"] == "tenant_preference"]
        assert [it["attributeValue"] for it in taken["choices"]] == [mode]
