"""What the sandbox's orders are made of. All but the towns is invented."""

from typing import Final

from attrs import frozen


@frozen
class Product:
    """Something to order."""

    sku: str
    """Ingram's number of it."""
    vendor: str = "A VENDOR"
    part: str = "A-1"
    """The vendor's own number of it."""
    description: str = "A PRODUCT"
    cents: int = 10_000
    """What one costs, in the currency of the order."""
    grams: int = 500
    """0 for what is not sent: software."""
    in_stock: bool = True


Products = dict[str, Product]
"""What can be ordered, by Ingram's number; what is quoted, is the last."""


def by_sku(*products: Product) -> Products:
    """Give products by Ingram's number."""
    return {product.sku: product for product in products}


PRODUCTS: Final = by_sku(
    Product("1AB001", "NORTHWIND NETWORKS", "NW-SW-2408", "24-PORT SWITCH 8 POE", 41_990, 3_400),
    Product("1AB002", "NORTHWIND NETWORKS", "NW-AP-650", "ACCESS POINT INDOOR WIFI 7", 32_500, 900),
    Product("1AB003", "NORTHWIND NETWORKS", "NW-SFP-10G", "TRANSCEIVER 10G LR", 11_949, 30),
    Product("2CD101", "HALDEN COMPUTING", "HC-14-G3", "NOTEBOOK 14IN 32GB 1TB", 148_900, 1_350),
    Product("2CD102", "HALDEN COMPUTING", "HC-DOCK-4", "DOCKING STATION USB-C", 17_999, 410),
    Product("2CD103", "HALDEN COMPUTING", "HC-27-4K", "MONITOR 27IN 4K", 38_925, 6_200),
    Product("3EF201", "OSTBERG STORAGE", "OS-NAS-4", "NAS 4 BAY", 60_010, 4_800),
    Product("3EF202", "OSTBERG STORAGE", "OS-HDD-18T", "DISK 18TB", 31_499, 690, in_stock=False),
    Product("4GH301", "LARKSPUR SOFTWARE", "LS-EDGE-1Y", "EDGE SECURITY 1 YEAR", 7_905, 0),
    Product("4GH302", "LARKSPUR SOFTWARE", "LS-BKP-3Y", "BACKUP SUITE 3 YEARS", 123_456, 0),
)

COMPANIES: Final = (
    "BRIGHTWATER CLINIC",
    "COPPER HILL SCHOOLS",
    "DELMONT FREIGHT",
    "EASTFIELD BAKERY",
    "FERNWOOD LEGAL",
    "GRANITE STATE TOOLS",
    "HOLLIS AND SONS",
)


@frozen
class Market:
    """Where the sandbox's customer is: how orders are numbered there, and what they are paid in."""

    country: str
    currencies: tuple[str, ...]
    """The first is the usual one."""
    towns: tuple[tuple[str, str, str], ...]
    """City, state and postal code."""
    by_digits: bool
    """Orders have ten digits, as in SAP countries, and not the form `20-RD3QV`."""
    unit_of_weight: str
    grams: float
    """Of one such unit."""
    offset: str = "+00:00"
    """From UTC: orders are placed and sent by the clock of that place."""


MARKETS: Final = {
    "US": Market(
        country="US",
        currencies=("USD", "USD", "USD", "CAD"),
        towns=(
            ("CONCORD", "NH", "03301"),
            ("FRESNO", "CA", "937210001"),
            ("DAYTON", "OH", "45402"),
            ("BOISE", "ID", "83702"),
            ("AMHERST", "MA", "01002"),
        ),
        by_digits=False,
        unit_of_weight="LB",
        grams=453.592,
    ),
    "SAP": Market(
        country="DE",
        currencies=("EUR", "EUR", "CHF", "GBP"),
        towns=(
            ("AUGSBURG", "BY", "86150"),
            ("GÖTTINGEN", "NI", "37073"),
            ("ERFURT", "TH", "99084"),
            ("DRESDEN", "SN", "01067"),
        ),
        by_digits=True,
        unit_of_weight="KG",
        grams=1000.0,
    ),
}

CARRIERS: Final = (("RN", "RIVERLINE GROUND"), ("KT", "KESTREL EXPRESS"), ("PM", "PALLET AND MAST"))

WAREHOUSES: Final = (("11", "Quarry Point, NV"), ("35", "Alder Bend, KY"), ("84", "Lower Mills, DE"))
