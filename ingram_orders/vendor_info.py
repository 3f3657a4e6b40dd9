"""Fills in what vendors must be told before a v7 order, from what `vendor_required_info()` answered; sends nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from attrs import define, evolve, field

from ingram_orders.converters import unstructure
from ingram_orders.errors import InvalidRequestError, brief
from ingram_orders.models import (
    AsyncLine,
    AsyncOrderCreateDTO,
    Attribute,
    AttributeChoice,
    ChosenAttribute,
    VendorAttribute,
    VendorAttributeRequest,
    VendorAttributes,
    VendorAttributesRequest,
    VendorRequiredInfo,
)

A = TypeVar("A", Attribute, VendorAttributeRequest)


def fill_in_vendor_info(
    order: AsyncOrderCreateDTO,
    answer: Iterable[VendorRequiredInfo],
    values: Mapping[str, str],
    *,
    takes_defaults: bool = False,
) -> AsyncOrderCreateDTO:
    """
    Give an order with all that its vendors must be told.

        answer = await orders.vendor_required_info().vendor_required_info_request(products).execute()
        order = fill_in_vendor_info(order, answer, {"tenant_preference": "new", "microsoft_domain": "example"})

    What is required of hardware goes to the order's `vmf_additional_attributes`, or, where it has choices, which that
    cannot hold, by vendor to `vmf_vendor_additional_attributes`. What is required of a subscription goes to
    `vri_additional_attributes`: of the lines with its product and plan, or of the order where that is for a quote. What
    is there already stays, but for attributes of the same name, which are put in its place.

    Args:
        order: The order, which stays as it is.
        answer: What was answered, or a part of it: where products need different values, fill them in one by one.
        values: The values by the names of the attributes. Of those for which there are choices it is the choice, which
            may require further ones. Names that nothing asks for are not used.
        takes_defaults: Whether what is answered as an attribute's value is taken for what is not in *values*, where it
            is one value: some are no more than examples.

    Raises:
        InvalidRequestError: Everything that is missing, or no choice there is, by name; or no line has the product.
    """
    filling = _Filling(values, takes_defaults)
    flat: list[Attribute] = []
    by_vendor: list[VendorAttributesRequest] = []
    of_quote: list[VendorAttributesRequest] = []
    lines = [*(order.lines or ())]
    for info in answer:
        for vendor in info.vmf_additional_attributes:
            filled = filling.vendor(vendor)
            if any(it.choices for it in filled.additional_attributes or ()):
                by_vendor.append(filled)
            else:
                flat += [
                    Attribute(attribute_name=it.attribute_name, attribute_value=it.attribute_value)
                    for it in filled.additional_attributes or ()
                ]
        subscriptions = [filling.vendor(it) for it in info.vri_additional_attributes]
        if not subscriptions:
            continue
        if order.quote_number:
            of_quote += subscriptions
            continue
        places = [index for index, line in enumerate(lines) if _is_of(line, info)]
        if not places:
            filling.problems.append(f"no line of the order is of {_shown(info)}")
        for index in places:
            line = lines[index]
            lines[index] = evolve(
                line, vri_additional_attributes=_merged(line.vri_additional_attributes, subscriptions)
            )
    if filling.problems:
        raise InvalidRequestError(dict.fromkeys(filling.problems))
    return evolve(
        order,
        lines=order.lines if order.lines is None else lines,
        vmf_additional_attributes=_replaced(order.vmf_additional_attributes, flat),
        vmf_vendor_additional_attributes=_merged(order.vmf_vendor_additional_attributes, by_vendor),
        vri_additional_attributes=_merged(order.vri_additional_attributes, of_quote),
    )


@define
class _Filling:
    """What attributes are filled in with, and what is wrong with that."""

    values: Mapping[str, str]
    takes_defaults: bool
    problems: list[str] = field(factory=list)

    def vendor(self, asked: VendorAttributes) -> VendorAttributesRequest:
        attributes = []
        for attribute, value in self._values(asked.additional_attributes, asked.vendor_name):
            choice = _chosen(attribute, value)
            choices = None
            if choice is not None:
                further = [*self._further(choice, asked.vendor_name)]
                choices = [
                    AttributeChoice(
                        attribute_value=value, attribute_description=choice.attribute_description, choices=further
                    )
                ]
            attributes.append(
                VendorAttributeRequest(
                    attribute_name=attribute.attribute_name,
                    attribute_value=value,
                    attribute_description=attribute.attribute_description,
                    choices=choices,
                )
            )
        return VendorAttributesRequest(
            vendor_name=asked.vendor_name, product_id=asked.product_id, additional_attributes=attributes
        )

    def _further(self, choice: VendorAttribute, vendor: str | None) -> Iterator[ChosenAttribute]:
        """Fill in what a choice requires; deeper than the published request goes, it goes on in the same shape."""
        for attribute, value in self._values(choice.choices, vendor):
            extra: dict[str, Any] = {}
            deeper = _chosen(attribute, value)
            if deeper is not None:
                further = [unstructure(it) for it in self._further(deeper, vendor)]
                extra["choices"] = [{"attributeValue": value, "choices": further}]
            yield ChosenAttribute(attribute_name=attribute.attribute_name, attribute_value=value, extra=extra)

    def _values(self, asked: Sequence[VendorAttribute], vendor: str | None) -> Iterator[tuple[VendorAttribute, str]]:
        """Give the attributes that have a value, with it."""
        for attribute in asked:
            name = attribute.attribute_name or ""
            allowed = [it.attribute_value or "" for it in attribute.choices]
            proposed = (attribute.attribute_value or "").strip()
            value = self.values.get(name) or None
            if "choices" in attribute.extra:
                self.problems.append(f"{name}: its choices cannot be read")
                continue
            if value is None and self.takes_defaults and proposed and "," not in proposed:
                value = proposed
            if value is None:
                if not _is_optional(attribute):
                    hints = (attribute.attribute_description, attribute.attribute_hint, proposed or ", ".join(allowed))
                    told = "; ".join(it for it in hints if it)
                    self.problems.append(f"{name} is required by {vendor}" + (f" ({told})" if told else ""))
            elif not isinstance(value, str):
                self.problems.append(f"{name}: {brief(value)} is not text")
            elif allowed and value not in allowed:
                self.problems.append(f"{name}: {brief(value)} is none of {', '.join(allowed)}")
            else:
                yield attribute, value


def _is_optional(attribute: VendorAttribute) -> bool:
    said = attribute.extra.get("attributeRequired", attribute.attribute_required)  # a flag is no text, and is there
    return str(said).strip().casefold() in ("false", "no", "n", "0")


def _chosen(attribute: VendorAttribute, value: str) -> VendorAttribute | None:
    """Give the choice that was taken; `None` where there is none to take."""
    return next((it for it in attribute.choices if (it.attribute_value or "") == value), None)


def _replaced(there: Sequence[A] | None, more: Sequence[A]) -> Sequence[A] | None:
    """Give some attributes with more, each name once: in the place where it was, or behind."""
    if not more:
        return there
    by_name: dict[str | None, A] = {it.attribute_name: it for it in there or ()}
    for it in more:
        by_name[it.attribute_name] = it
    return list(by_name.values())


def _merged(
    there: Sequence[VendorAttributesRequest] | None, more: Sequence[VendorAttributesRequest]
) -> Sequence[VendorAttributesRequest] | None:
    """Give what vendors are told with more, each vendor and product once."""
    vendors = {(it.vendor_name, it.product_id): it for it in there or ()}
    for it in more:
        before = vendors.setdefault((it.vendor_name, it.product_id), it)
        attributes = _replaced(before.additional_attributes, it.additional_attributes or ())
        vendors[it.vendor_name, it.product_id] = evolve(before, additional_attributes=attributes)
    return [*vendors.values()] if more else there


def _is_of(line: AsyncLine, info: VendorRequiredInfo) -> bool:
    pairs = (
        (line.ingram_part_number, info.ingram_part_number),
        (line.vendor_part_number, info.vendor_part_number),
        (line.plan_id, info.plan_id),
    )
    said = [one == other for one, other in pairs if one and other]
    return bool(said) and all(said)


def _shown(info: VendorRequiredInfo) -> str:
    named = (
        ("product", info.ingram_part_number), ("the vendor's product", info.vendor_part_number), ("plan", info.plan_id)
    )  # fmt: skip
    return " or ".join(f"{what} {brief(it)}" for what, it in named if it) or "a product that is not named"
