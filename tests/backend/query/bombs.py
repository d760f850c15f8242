"""Statements that try to take all time or memory there is."""

from __future__ import annotations

from typing import Final

BOMBS: Final = [
    "select count(*) from range(1000000) a, range(1000000) b",
    "select count(*) from range(1000000000000)",
    "select sum(a.range * b.range) from range(10000000) a, range(10000000) b",
    "with recursive t as (select 1 i union all select i + 1 from t) select count(*) from t",
    "with recursive t as (select 1 i union select i + 1 from t) select max(i) from t",
    "with recursive t as (select 'x' i union all select i || i from t) select max(length(i)) from t",
    "select string_agg(range::varchar, '') from range(1000000000)",
    "select list(range) from range(1000000000)",
    "select count(l) from (select list_value(range)::int[99999] l from range(20000))",
    "select length(replace(x, 'x', x)) from (select string_agg('x', '') x from range(30000))",
    "select range, md5(range::varchar) from range(100000000) order by 2",
    "select range, count(*) from range(1000000000) group by 1",
    "select list(x) over (order by x) from range(1000000) t(x)",
    "select repeat('x', 1000000000)",
    "select lpad('x', 1000000000, 'y')",
    "select rpad('x', 1000000000, 'y')",
    "select format('{:>1000000000}', 1)",
    "select printf('%1000000000d', 1)",
    "select bitstring('1', 1000000000)",
    "select range(1000000000)",
    "select generate_series(1, 1000000000)",
    "select list_resize([1], 1000000000)",
    "select to_base(1, 2, 1000000000)",
    "select levenshtein(x, x) from (select string_agg('x', '') x from range(1000000))",
    "select count(*) from range(100000) t(i) where regexp_matches(i::varchar, '((a{{100}}){{100}}){{100}}')",
    "select json_object('a', x) from (select string_agg(range::varchar, '') x from range(1000000000))",
    "select concat(" + ", ".join(["x"] * 3000) + ") from (select string_agg('x', '') x from range(3000000))",
]
