"""
What is read and written, the same for all: documents of our own values, and what is looked at of their models.

The details have the shape and the size of the published example, field by field; tests compare the two.
"""

import json
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

from ingram_orders.models import CreateLine, OrderCreateRequest

NUMBER: Final = "20-K7M2P"


def details_answer(lines: int = 1) -> bytes:
    """Write an order as the API does; of one line it has some 5 kB."""
    return json.dumps(_order(lines)).encode()


def search_answer(orders: int = 100) -> bytes:
    """Write a page of a search in the one shape that the official SDK reads: numbers are numbers, links as its own."""
    page = {
        "recordsFound": 1234, "pageSize": orders, "pageNumber": 1,
        "orders": [_found(it) for it in range(orders)],
        "nextPage": "/resellers/v6/orders/search?pageNumber=2", "previousPage": "",
    }  # fmt: skip
    return json.dumps(page).encode()


def create_request(lines: int = 50) -> OrderCreateRequest:
    """Make a request that creates an order."""
    return OrderCreateRequest(
        customer_order_number="PO-2026-00417", end_customer_order_number="EU-88120", notes="deliver to gate 4",
        accept_back_order=True,
        lines=[
            CreateLine(
                customer_line_number=f"{it:03}", ingram_part_number=f"7KD{it:03}", quantity=it % 9 + 1,
                unit_price=Decimal(f"{100 + it}.{it:02}"), end_user_price=Decimal(f"{140 + it}.5"),
                special_bid_number="SB-5521", notes="as agreed",
            )
            for it in range(1, lines + 1)
        ],
    )  # fmt: skip


def _address(company: str, street: str, city: str, state: str, code: str) -> dict[str, str]:
    return {
        "contact": "Alex Winterbourne", "companyName": company, "addressLine1": street,
        "addressLine2": "SECOND FLOOR, EAST WING", "addressLine3": "", "city": city, "state": state,
        "postalCode": code, "countryCode": "US", "phoneNumber": "5550104477", "email": "alex@reseller.example",
    }  # fmt: skip


def _attribute() -> dict[str, str]:
    return {"attributeName": "handling remark", "attributeValue": "KEEP DRY, THIS SIDE UP"}


def _no_range() -> dict[str, None]:
    return {"startDate": None, "endDate": None}


def _order(lines: int) -> dict[str, Any]:
    return {
        "ingramOrderNumber": NUMBER, "ingramOrderDate": "2026-01-30T08:54:39-07:00", "orderType": "S",
        "customerOrderNumber": "PO-2026-00417", "endCustomerOrderNumber": "EU-88120", "webOrderId": "40771523",
        "vendorSalesOrderNumber": "700155212", "ingramPurchaseOrderNumber": "61XQT04", "orderStatus": "Processing",
        "orderTotal": 18934.61, "orderSubTotal": 18829.51, "freightCharges": 0, "currencyCode": "USD",
        "totalWeight": 12, "totalTax": 0, "paymentTerms": "NET 30 DAYS",
        "notes": "PLEASE CALL AHEAD OF DELIVERY || alex@reseller.example || GATE CODE ON REQUEST || DOCK 4, EAST SIDE",
        "billToInfo": _address("NORTHWIND RESELLERS INC", "4100 Harbor View Parkway", "PORTLAND", "OR", "972010000"),
        "shipToInfo": _address("LAKESIDE CLINIC", "17 Old Mill Road", "MADISON", "WI", "537034417"),
        "endUserInfo": _address("LAKESIDE CLINIC", "17 Old Mill Road", "MADISON", "WI", "537034417"),
        "lines": [_line(it) for it in range(1, lines + 1)],
        "miscellaneousCharges": [
            {
                "subOrderNumber": f"{NUMBER}-11", "chargeLineReference": "885",
                "chargeDescription": "RECYCLING OF PACKAGING", "chargeAmount": "4.7",
            },
            {
                "subOrderNumber": f"{NUMBER}-11", "chargeLineReference": "TAX",
                "chargeDescription": "STATE TAX", "chargeAmount": "100.4",
            },
        ],
        "additionalAttributes": [_attribute()],
    }  # fmt: skip


def _line(line: int) -> dict[str, Any]:
    price = 18729 + line + 0.51
    return {
        "subOrderNumber": f"{NUMBER}-11", "ingramOrderLineNumber": f"{line:03}",
        "vendorSalesOrderLineNumber": "700155212", "customerLineNumber": f"{line:03}", "lineStatus": "In Progress",
        "ingramPartNumber": f"7KD{line:03}", "vendorPartNumber": f"QX-{line:04}-R2", "vendorName": "OSTBERG STORAGE",
        "partDescription": "RACK ARRAY 24 BAY 96TB", "unitWeight": 0, "weightUom": "EA", "unitPrice": price,
        "upcCode": "", "extendedPrice": price, "taxAmount": 0, "currencyCode": "USD", "quantityOrdered": 1,
        "quantityConfirmed": 1, "quantityBackOrdered": 0, "specialBidNumber": "SB-55", "requestedDeliverydate": "",
        "promisedDeliveryDate": "2026-02-13", "lineNotes": "EU#- 000551182 Lakeside Clinic || RACK 7",
        "shipmentDetails": [_shipment(line)],
        "serviceContractInfo": {
            "contractInfo": {
                "contractDescription": "Next-day replacement for rack arrays of up to 24 bays, 8x5",
                "contractNumber": "330017420", "contractStatus": "ACTIVE", "contractStartDate": "2026-02-01",
                "contractEndDate": "2027-01-31", "contractDuration": None,
            },
            "subscriptions": {
                "subscriptionId": "Rack array firmware, yearly, one array", "subscriptionTerm": "1",
                "renewalTerm": "1", "billingModel": "YEAR", "subcriptionStartDate": "2026-02-01",
                "subcriptionEndDate": "2027-02-01",
            },
            "licenseInfo": {
                "licenseNumber": ["LK40QZ77TRB"], "licenseStartDate": "2026-02-01", "licenseEndDate": "2027-02-01",
                "description": "Array management console, 25 seats (electronic)", "quantity": "1",
            },
        },
        "additionalAttributes": [_attribute()],
        "links": [
            {
                "topic": "invoices", "type": "GET",
                "href": "/resellers/v5/invoices/5530117?customerNumber=20-222222&isoCountryCode=US",
            }
        ],
        "estimatedDates": [
            {
                "ship": {
                    "shipDateType": "Single", "shipDateRange": _no_range(), "shipSource": "INGRAM",
                    "shipDescription": "The warehouse prepares the shipment", "shipDate": "2026-02-10",
                },
                "delivery": None,
            },
            {
                "ship": None,
                "delivery": {
                    "deliveryDateType": "Single", "deliveryDateRange": _no_range(), "deliverySource": None,
                    "deliveryDescription": None, "deliveryDate": "2026-02-13",
                },
            },
        ],
        "scheduleLines": None,
        "multipleShipments": [
            {
                "lineNumber": None, "requestedQuantity": 0, "confirmedQuantity": 1, "dateType": "Single",
                "dateRange": _no_range(), "source": "INGRAM", "description": "The warehouse prepares the shipment",
                "date": "2026-02-10", "deliveryDate": "2026-02-13",
            }
        ],
    }  # fmt: skip


def _shipment(line: int) -> dict[str, Any]:
    parcel = {
        "trackingNumber": f"77012345{line:04}", "trackingUrl": "string", "packageWeight": "1.2", "cartonNumber": "1",
        "quantityInBox": "1", "serialNumbers": [{"serialNumber": f"R7QK-{line:04}-ZX1M"}],
    }  # fmt: skip
    carrier = {
        "carrierCode": "RX", "carrierName": "ROADEX", "quantity": 0, "shippedDate": "2026-02-10",
        "estimatedDeliveryDate": "2026-02-13", "deliveredDate": "2026-02-13", "carrierPickupDate": "2026-02-10",
        "trackingDetails": [parcel],
    }  # fmt: skip
    return {
        "quantity": 1, "deliveryNumber": "80771204", "estimatedShipDate": "2026-02-10", "shipFromWarehouseId": "10",
        "shipFromLocation": "Columbus, OH", "invoiceNumber": "20K7M2P11", "invoiceDate": "2026-02-10",
        "carrierDetails": [carrier],
    }  # fmt: skip


def _found(order: int) -> dict[str, Any]:
    number = f"20-{order:05}"

    def link(of: str) -> dict[str, str]:
        return {"topic": "orders", "href": f"/resellers/v6.1/orders/{of}", "type": "GET"}

    parts = [
        {
            "subOrderNumber": f"{number}-{it}", "subOrderTotal": 310.25 + order, "subOrderStatus": "SHIPPED",
            "links": [link(f"{number}-{it}")],
        }
        for it in (11, 21)
    ]  # fmt: skip
    return {
        "ingramOrderNumber": number, "ingramOrderDate": "2026-01-30T08:54:39-07:00",
        "customerOrderNumber": f"PO-{order:06}", "vendorSalesOrderNumber": "700155212", "vendorName": "OSTBERG STORAGE",
        "endUserCompanyName": "LAKESIDE CLINIC", "orderTotal": 620.5 + 2 * order, "orderStatus": "SHIPPED",
        "subOrders": parts, "links": link(number),
    }  # fmt: skip


# ── What is looked at of a model ────────────────────────────────────────────────────────────────────────────────────
#
# The same code reads our models, the official SDK's and the floor's, which name all but four fields alike. It visits
# every model there is, and reads whatever is money, a date or a status.

Touch = Callable[[Any], list[Any]]

_ORDER: Final = attrgetter(
    "ingram_order_number", "ingram_order_date", "order_status", "order_total", "order_sub_total", "freight_charges",
    "total_weight", "total_tax", "total_fees", "currency_code",
)  # fmt: skip
_LINE: Final = attrgetter(
    "ingram_order_line_number", "line_status", "unit_weight", "unit_price", "extended_price", "tax_amount",
    "quantity_ordered", "promised_delivery_date", "back_order_eta_date",
)  # fmt: skip
_SHIPMENT: Final = attrgetter(
    "quantity", "estimated_ship_date", "shipped_date", "estimated_delivery_date", "invoice_date"
)
_CARRIER: Final = attrgetter(
    "carrier_code", "shipped_date", "estimated_delivery_date", "delivered_date", "carrier_pickup_date"
)  # fmt: skip
_CONTRACT: Final = attrgetter("contract_status", "contract_start_date", "contract_end_date")
_LICENSE: Final = attrgetter("license_start_date", "license_end_date")
_ADDRESS: Final = attrgetter("company_name", "country_code")
_RANGE: Final = attrgetter("start_date", "end_date")
_CHARGE: Final = attrgetter("charge_description", "charge_amount")
_ATTRIBUTE: Final = attrgetter("attribute_name", "attribute_value")
_PART: Final = attrgetter("sub_order_number", "sub_order_total", "sub_order_status")
_FOUND: Final = attrgetter("ingram_order_number", "ingram_order_date", "order_total", "order_status")


def _touch_details(line_day: Callable[[Any], Any], days: Callable[[Any], Any], day: Callable[[Any], Any]) -> Touch:
    def touch(order: Any) -> list[Any]:
        seen = [*_ORDER(order)]
        for address in (order.bill_to_info, order.ship_to_info, order.end_user_info):
            seen += _ADDRESS(address)
        for line in order.lines:
            seen += _LINE(line)
            seen.append(line_day(line))
            for shipment in line.shipment_details:
                seen += _SHIPMENT(shipment)
                for carrier in shipment.carrier_details:
                    seen += _CARRIER(carrier)
                    for parcel in carrier.tracking_details:
                        seen.append(parcel.tracking_number)
                        seen += [it.serial_number for it in parcel.serial_numbers]
            service = line.service_contract_info
            seen += _CONTRACT(service.contract_info)
            seen += days(service.subscriptions)
            seen += _LICENSE(service.license_info)
            for attribute in line.additional_attributes:
                seen += _ATTRIBUTE(attribute)
            seen += [it.href for it in line.links]
            for estimated in line.estimated_dates:
                if (ship := estimated.ship) is not None:
                    seen.append(ship.ship_date)
                    seen += _RANGE(ship.ship_date_range)
                if (delivery := estimated.delivery) is not None:
                    seen.append(delivery.delivery_date)
                    seen += _RANGE(delivery.delivery_date_range)
            for planned in line.multiple_shipments:
                seen += (day(planned), planned.delivery_date)
                seen += _RANGE(planned.date_range)
        for charge in order.miscellaneous_charges:
            seen += _CHARGE(charge)
        for attribute in order.additional_attributes:
            seen += _ATTRIBUTE(attribute)
        return seen

    return touch


touch_details: Final = _touch_details(
    attrgetter("requested_delivery_date"),
    attrgetter("subscription_start_date", "subscription_end_date"),
    attrgetter("date"),
)
"""Of `OrderDetailB2B`, ours or the floor's."""

touch_details_of_sdk: Final = _touch_details(
    attrgetter("requested_deliverydate"),
    attrgetter("subcription_start_date", "subcription_end_date"),
    attrgetter("var_date"),
)
"""Of the official SDK's."""


_ORDER_KEYS: Final = (
    "ingramOrderNumber", "ingramOrderDate", "orderStatus", "orderTotal", "orderSubTotal", "freightCharges",
    "totalWeight", "totalTax", "totalFees", "currencyCode",
)  # fmt: skip
_ADDRESS_KEYS: Final = ("companyName", "countryCode")
_LINE_KEYS: Final = (
    "ingramOrderLineNumber", "lineStatus", "unitWeight", "unitPrice", "extendedPrice", "taxAmount",
    "quantityOrdered", "promisedDeliveryDate", "backOrderETADate", "requestedDeliverydate",
)  # fmt: skip
_SHIPMENT_KEYS: Final = ("quantity", "estimatedShipDate", "shippedDate", "estimatedDeliveryDate", "invoiceDate")
_CARRIER_KEYS: Final = ("carrierCode", "shippedDate", "estimatedDeliveryDate", "deliveredDate", "carrierPickupDate")
_CONTRACT_KEYS: Final = ("contractStatus", "contractStartDate", "contractEndDate")
_SUBSCRIPTION_KEYS: Final = ("subcriptionStartDate", "subcriptionEndDate")
_LICENSE_KEYS: Final = ("licenseStartDate", "licenseEndDate")
_ATTRIBUTE_KEYS: Final = ("attributeName", "attributeValue")
_RANGE_KEYS: Final = ("startDate", "endDate")
_PLANNED_KEYS: Final = ("date", "deliveryDate")
_CHARGE_KEYS: Final = ("chargeDescription", "chargeAmount")


def touch_json(order: Any) -> list[Any]:
    """Look at the same values where they stand in the JSON, as whoever asks without any models does."""
    seen: list[Any] = []
    seen += map(order.get, _ORDER_KEYS)
    for address in (order["billToInfo"], order["shipToInfo"], order["endUserInfo"]):
        seen += map(address.get, _ADDRESS_KEYS)
    for line in order["lines"]:
        seen += map(line.get, _LINE_KEYS)
        for shipment in line["shipmentDetails"]:
            seen += map(shipment.get, _SHIPMENT_KEYS)
            for carrier in shipment["carrierDetails"]:
                seen += map(carrier.get, _CARRIER_KEYS)
                for parcel in carrier["trackingDetails"]:
                    seen.append(parcel["trackingNumber"])
                    for device in parcel["serialNumbers"]:
                        seen.append(device["serialNumber"])
        service = line["serviceContractInfo"]
        seen += map(service["contractInfo"].get, _CONTRACT_KEYS)
        seen += map(service["subscriptions"].get, _SUBSCRIPTION_KEYS)
        seen += map(service["licenseInfo"].get, _LICENSE_KEYS)
        for attribute in line["additionalAttributes"]:
            seen += map(attribute.get, _ATTRIBUTE_KEYS)
        for link in line["links"]:
            seen.append(link["href"])
        for estimated in line["estimatedDates"]:
            if (ship := estimated.get("ship")) is not None:
                seen.append(ship.get("shipDate"))
                seen += map(ship["shipDateRange"].get, _RANGE_KEYS)
            if (delivery := estimated.get("delivery")) is not None:
                seen.append(delivery.get("deliveryDate"))
                seen += map(delivery["deliveryDateRange"].get, _RANGE_KEYS)
        for planned in line["multipleShipments"]:
            seen += map(planned.get, _PLANNED_KEYS)
            seen += map(planned["dateRange"].get, _RANGE_KEYS)
    for charge in order["miscellaneousCharges"]:
        seen += map(charge.get, _CHARGE_KEYS)
    for attribute in order["additionalAttributes"]:
        seen += map(attribute.get, _ATTRIBUTE_KEYS)
    return seen


def touch_search(page: Any) -> list[Any]:
    """Of any `OrderSearchResponse`; the links of an order are a model in one, and a list in another."""
    seen = [page.records_found]
    for order in page.orders:
        seen += _FOUND(order)
        links = order.links
        seen += [it.href for it in links] if isinstance(links, list | tuple) else [links.href]
        for part in order.sub_orders:
            seen += _PART(part)
            seen += [it.href for it in part.links]
    return seen


def check_same(ours: Iterable[Any], theirs: Iterable[Any]) -> None:
    """
    Check that two sides read the same, ours exactly and with dates, the other as it can.

    Raises:
        AssertionError: They did not, and so one of them did less.
    """
    for one, other in zip(ours, theirs, strict=True):
        if isinstance(one, Decimal):
            same = one == Decimal(str(other))
        elif isinstance(one, date):
            same = one.isoformat() == other
        else:
            same = one == other or (one is None and other == "")
        if not same:
            raise AssertionError(f"{one!r} here, {other!r} there")
