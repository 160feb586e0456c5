"""Lists: one filter tree for URL, API, command, saved views and audiences, and the views saved from it."""

from retinue.lists.catalogue import Catalogue, Facet, Link, ListField, Lookup
from retinue.lists.dates import Day
from retinue.lists.merging import MergeWord, check_letter, list_merge_fields, merge_letter, merge_values
from retinue.lists.models import SavedView, SavedViewMember
from retinue.lists.parse import Order, parse_sort, parse_words, tree_of
from retinue.lists.queries import ListPage, ListRequest, check_list, count_rows, select_ids, select_page
from retinue.lists.service import (
    Catalogues,
    count_view,
    describe_fields,
    get_view,
    list_views,
    request_of_view,
    run_view,
    view_ids,
)
from retinue.lists.tree import (
    EVERYBODY,
    And,
    Node,
    Not,
    Or,
    Test,
    both,
    from_json,
    from_text,
    tests_of,
    to_json,
)

__all__ = [
    "EVERYBODY",
    "And",
    "Catalogue",
    "Catalogues",
    "Day",
    "Facet",
    "Link",
    "ListField",
    "ListPage",
    "ListRequest",
    "Lookup",
    "MergeWord",
    "Node",
    "Not",
    "Or",
    "Order",
    "SavedView",
    "SavedViewMember",
    "Test",
    "both",
    "check_letter",
    "check_list",
    "count_rows",
    "count_view",
    "describe_fields",
    "from_json",
    "from_text",
    "get_view",
    "list_merge_fields",
    "list_views",
    "merge_letter",
    "merge_values",
    "parse_sort",
    "parse_words",
    "request_of_view",
    "run_view",
    "select_ids",
    "select_page",
    "tests_of",
    "to_json",
    "tree_of",
    "view_ids",
]
