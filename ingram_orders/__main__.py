"""`python -m ingram_orders`: the command line."""

from ingram_orders.cli import main

if __name__ == "__main__":
    main()
