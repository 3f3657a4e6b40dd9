"""What models' fields are called on the wire, and of which types they are."""

import functools
from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin

import attrs

# The API's own slips, which the rule in `wire_name` does not give; each is so in this one place only. By a model's
# name, since to import all models for a few slips takes longer than to read a thousand orders.
IRREGULAR: Final[Mapping[tuple[str, str], str]] = {
    ("WarrantySerial", "date_of_purchase"): "dateofPurchase",
    ("RejectedLine", "customer_line_number"): "customerLinenumber",
    ("DetailLine", "requested_delivery_date"): "requestedDeliverydate",
    ("DetailLine", "back_order_eta_date"): "backOrderETADate",
    ("Subscription", "subscription_start_date"): "subcriptionStartDate",
    ("Subscription", "subscription_end_date"): "subcriptionEndDate",
    ("AsyncLine", "plan_id"): "planid",
    ("ChosenAttribute", "attribute_name"): "attributename",
    ("VendorRequiredProduct", "plan_id"): "planID",
    ("EventLine", "line_number"): "LineNumber",
}


def wire_name(model: type, name: str) -> str:
    """Name a field as the API does: `address_line1` is `addressLine1`, but for what `IRREGULAR` lists."""
    first, *rest = name.split("_")
    return IRREGULAR.get((model.__name__, name)) or first + "".join(part[:1].upper() + part[1:] for part in rest)


@functools.cache
def wire_names(model: Any) -> Mapping[str, str]:
    """Give the wire name of each field of a model, in order; `extra` is none."""
    return {field.name: wire_name(model, field.name) for field in attrs.fields(model) if field.name != "extra"}


@functools.cache
def field_types(model: Any) -> Mapping[str, Any]:
    """Give the type of each field of a model without its `None`; `extra` is none."""
    attrs.resolve_types(model)
    return {field.name: _without_none(field.type) for field in attrs.fields(model) if field.name != "extra"}


@functools.cache
def is_list(type_: Any) -> bool:
    """Whether it is `tuple[T, ...]` or `Sequence[T]`."""
    return get_origin(type_) in (tuple, Sequence)


@functools.cache
def element_type(type_: Any) -> Any:
    """Give `T` for a list of `T`."""
    return get_args(type_)[0]


def part_type(type_: Any) -> Any:
    """Give what a field's values are, one by one: `T` for a list of `T`, and for `T` itself."""
    return element_type(type_) if is_list(type_) else type_


def _without_none(type_: Any) -> Any:
    if get_origin(type_) not in (UnionType, Union):
        return type_
    return functools.reduce(lambda one, other: one | other, (arg for arg in get_args(type_) if arg is not NoneType))
