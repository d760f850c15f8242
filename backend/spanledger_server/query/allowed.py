"""What users' SQL may consist of: kinds of nodes of the parsed tree, functions, table functions.

The lists are lists of what is allowed: what is on none of them, or is new in a later DuckDB, is refused. Functions are
on them when they depend on nothing but their arguments (and the time), change nothing, and give little more than they
are given. So there is no `repeat`, `lpad` or `format`, whose answer is as long as a number says, and no lambda, whose
work is the product of two lists: neither can be stopped half-way.

Never: a function that names another function, a table, a file or a setting by a text.
"""

from __future__ import annotations

from typing import Final


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


EXPRESSIONS: Final = _names(
    """
    BETWEEN CASE CAST COLLATE COLUMN_REF COMPARISON CONJUNCTION CONSTANT FUNCTION OPERATOR PARAMETER
    POSITIONAL_REFERENCE STAR SUBQUERY TYPE WINDOW
    """
)
NODES: Final = _names(
    """
    SELECT_NODE SET_OPERATION_NODE RECURSIVE_CTE_NODE
    BASE_TABLE EMPTY EXPRESSION_LIST JOIN SUBQUERY TABLE_FUNCTION
    DISTINCT_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER ORDER_MODIFIER
    ASCENDING DESCENDING ORDER_DEFAULT
    """
)
TABLE_FUNCTIONS: Final = _names("range generate_series unnest")

OPERATORS: Final = _names(
    """
    + - * / // % ** ^ & | ~ << >> || @ -> ->> @> <@ && ^@ ~~ !~~ ~~* !~~*
    = == != <> < > <= >= like_escape not_like_escape ilike_escape not_ilike_escape
    """
)
AGGREGATES: Final = _names(
    """
    any_value approx_count_distinct approx_quantile arbitrary arg_max arg_max_null arg_min arg_min_null argmax argmin
    array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count count_if count_star countif covar_pop covar_samp
    entropy favg first fsum geomean geometric_mean group_concat histogram json_group_array json_group_object
    json_group_structure kahan_sum kurtosis kurtosis_pop last list listagg mad max max_by mean median min min_by mode
    product quantile quantile_cont quantile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
    regr_sxx regr_sxy regr_syy sem skewness stddev stddev_pop stddev_samp string_agg sum sumkahan var_pop var_samp
    variance wavg weighted_avg
    """
)
WINDOWS: Final = _names(
    """
    cume_dist dense_rank fill first_value lag last_value lead nth_value ntile percent_rank rank rank_dense row_number
    """
)
CONDITIONS: Final = _names("coalesce greatest if ifnull least nullif typeof")
NUMBERS: Final = _names(
    """
    abs acos acosh add asin asinh atan atan2 atanh bit_count cbrt ceil ceiling cos cosh cot degrees divide even exp
    factorial fdiv floor fmod gamma gcd greatest_common_divisor isfinite isinf isnan lcm least_common_multiple lgamma
    ln log log10 log2 mod multiply nextafter pi pow power radians round round_even roundbankers sign signbit sin sinh
    sqrt subtract tan tanh trunc xor
    """
)
TEXTS: Final = _names(
    """
    array_to_string ascii base64 bit_length char_length character_length chr concat concat_ws contains decode encode
    ends_with format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_hex hash hex instr lcase left
    left_grapheme len length length_grapheme lower ltrim md5 nfc_normalize octet_length ord overlay position prefix
    regexp_escape regexp_extract regexp_extract_all regexp_full_match regexp_matches regexp_replace replace reverse
    right right_grapheme rtrim sha1 sha256 split split_part starts_with str_split str_split_regex string_split
    string_split_regex string_to_array strip_accents strlen strpos substr substring substring_grapheme suffix to_base64
    to_hex translate trim ucase unhex unicode upper url_decode url_encode
    """
)
TIMES: Final = _names(
    """
    age ago century current_date current_localtime current_localtimestamp current_timestamp date_add date_diff
    date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname dayofmonth dayofweek dayofyear
    days_in_month decade epoch epoch_ms epoch_ns epoch_us era get_current_time get_current_timestamp hour isodow isoyear
    julian last_day make_date make_time make_timestamp make_timestamp_ms make_timestamp_ns make_timestamptz microsecond
    millennium millisecond minute month monthname nanosecond normalized_interval now quarter second strftime strptime
    time_bucket timezone timezone_hour timezone_minute to_centuries to_days to_decades to_hours to_microseconds
    to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today
    transaction_timestamp try_strptime week weekday weekofyear year yearweek
    """
)
LISTS: Final = _names(
    """
    array_append array_cat array_concat array_contains array_distinct array_extract array_has array_has_all
    array_has_any array_indexof array_intersect array_length array_position array_prepend array_reverse array_slice
    array_sort array_unique array_value array_zip cardinality element_at flatten list_any_value list_append list_avg
    list_cat list_concat list_contains list_count list_distinct list_element list_extract list_first list_has
    list_has_all list_has_any list_indexof list_intersect list_last list_max list_median list_min list_mode list_pack
    list_position list_prepend list_product list_reverse list_reverse_sort list_slice list_sort list_sum list_unique
    list_value list_zip unnest
    """
)
STRUCTS: Final = _names(
    """
    map map_concat map_contains map_entries map_extract map_extract_value map_from_entries map_keys map_values row
    struct_concat struct_extract struct_extract_at struct_insert struct_keys struct_pack struct_values
    """
)
JSON: Final = _names(
    """
    array_to_json from_json from_json_strict json json_array json_array_length json_exists json_extract
    json_extract_path json_extract_path_text json_extract_string json_keys json_merge_patch json_object json_pretty
    json_quote json_structure json_transform json_transform_strict json_type json_valid json_value row_to_json to_json
    """
)
BY_SUBJECT: Final = {
    "aggregates": AGGREGATES,
    "windows": WINDOWS,
    "conditions": CONDITIONS,
    "numbers": NUMBERS,
    "texts": TEXTS,
    "times": TIMES,
    "lists": LISTS,
    "structs and maps": STRUCTS,
    "json": JSON,
    "operators": OPERATORS,
    "tables": TABLE_FUNCTIONS,
}
FUNCTIONS: Final = frozenset().union(*(names for subject, names in BY_SUBJECT.items() if subject != "tables"))
