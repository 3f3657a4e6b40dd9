"""What the sandbox's orders are made of. All but the towns is invented."""

from typing import Final

PRODUCTS: Final = {
    # SKU: (vendor, vendor's part number, description, price in cents)
    "1AB001": ("NORTHWIND NETWORKS", "NW-SW-2408", "24-PORT SWITCH 8 POE", 41_990),
    "1AB002": ("NORTHWIND NETWORKS", "NW-AP-650", "ACCESS POINT INDOOR WIFI 7", 32_500),
    "1AB003": ("NORTHWIND NETWORKS", "NW-SFP-10G", "TRANSCEIVER 10G LR", 11_949),
    "2CD101": ("HALDEN COMPUTING", "HC-14-G3", "NOTEBOOK 14IN 32GB 1TB", 148_900),
    "2CD102": ("HALDEN COMPUTING", "HC-DOCK-4", "DOCKING STATION USB-C", 17_999),
    "2CD103": ("HALDEN COMPUTING", "HC-27-4K", "MONITOR 27IN 4K", 38_925),
    "3EF201": ("OSTBERG STORAGE", "OS-NAS-4", "NAS 4 BAY", 60_010),
    "3EF202": ("OSTBERG STORAGE", "OS-HDD-18T", "DISK 18TB", 31_499),
    "4GH301": ("LARKSPUR SOFTWARE", "LS-EDGE-1Y", "EDGE SECURITY 1 YEAR", 7_905),
    "4GH302": ("LARKSPUR SOFTWARE", "LS-BKP-3Y", "BACKUP SUITE 3 YEARS", 123_456),
}

COMPANIES: Final = (
    "BRIGHTWATER CLINIC",
    "COPPER HILL SCHOOLS",
    "DELMONT FREIGHT",
    "EASTFIELD BAKERY",
    "FERNWOOD LEGAL",
    "GRANITE STATE TOOLS",
    "HOLLIS AND SONS",
)

TOWNS: Final = (
    # city, state, postal code
    ("CONCORD", "NH", "03301"),
    ("FRESNO", "CA", "937210001"),
    ("DAYTON", "OH", "45402"),
    ("BOISE", "ID", "83702"),
    ("AMHERST", "MA", "01002"),
)

CARRIERS: Final = (("RN", "RIVERLINE GROUND"), ("KT", "KESTREL EXPRESS"), ("PM", "PALLET AND MAST"))

WAREHOUSES: Final = (("11", "Quarry Point, NV"), ("35", "Alder Bend, KY"), ("84", "Lower Mills, DE"))
