-- Audio: a table of its own for spans that tell of it, and hours and days of what was measured.

CREATE TABLE audio_spans (
    trace_id UUID NOT NULL, span_id UBIGINT NOT NULL, parent_span_id UBIGINT, start_ns BIGINT NOT NULL, end_ns BIGINT NOT NULL,
    service VARCHAR, name VARCHAR NOT NULL, status_code TINYINT NOT NULL, adjusted_count DOUBLE,
    user_id VARCHAR, session_id VARCHAR, feature VARCHAR, tenant VARCHAR, user_tier VARCHAR,
    stage VARCHAR,                          -- null for a pipeline
    format VARCHAR, source VARCHAR, audio_id VARCHAR,
    features_skipped VARCHAR, quality_skipped VARCHAR,  -- why something was not measured, as the span has it
    v DOUBLE[] NOT NULL                     -- the measures in the order of measures.py, null where there is none
);

-- One row for each bucket, kind of span and measure; metric 0 has the counts of spans. bucket: hours or days since 1970, UTC.
CREATE TABLE audio_1h (
    bucket BIGINT NOT NULL,
    quarter UTINYINT NOT NULL,              -- of the hour, 0 to 3; 0 in days
    service VARCHAR, name VARCHAR, status_code TINYINT, stage VARCHAR, format VARCHAR, source VARCHAR,
    feature VARCHAR, tenant VARCHAR, user_tier VARCHAR,
    clip UTINYINT NOT NULL,                 -- 2: it counts as an audio, 1: only within its service, 0: it is a part of one
    metric UTINYINT NOT NULL,
    spans BIGINT NOT NULL, weight DOUBLE NOT NULL,  -- that have the measure; weight: how many they stand for
    uncounted BIGINT, compared BIGINT, compared_weight DOUBLE, heard BIGINT, heard_weight DOUBLE, worded BIGINT,  -- of metric 0
    total DOUBLE, kept DOUBLE,              -- sum of the values, by weight and as they are
    beyond BIGINT, beyond_weight DOUBLE,    -- how many have the problem that goes with the measure
    bins UTINYINT[], codes INTEGER[], weights DOUBLE[], least DOUBLE[], most DOUBLE[],  -- distribution, with the smallest and largest value of each code
    spread_slot UTINYINT[], spread_sum FLOAT[],  -- sketch of the variance, as span_1m has it: of counts and of lengths
    reasons STRUCT(what VARCHAR, reason VARCHAR, spans BIGINT, weight DOUBLE)[]  -- of metric 0
);
CREATE TABLE audio_1d AS FROM audio_1h LIMIT 0;

INSERT INTO audio_spans
WITH read AS (
    SELECT *, json_extract_string(attributes, [
        '$."audio.stage"', '$."audio.format"', '$."audio.source"', '$."audio.id"', '$."audio.features_skipped_reason"',
        '$."audio.quality_skipped_reason"', '$."audio.duration_s"', '$."audio.speed_factor"', '$."audio.real_time_factor"',
        '$."audio.sample_rate_hz"', '$."audio.pesq"', '$."audio.stoi"', '$."audio.estoi"', '$."audio.snr_db"', '$."audio.si_sdr_db"',
        '$."audio.quality_index"', '$."audio.dnsmos"', '$."audio.quality_index_no_reference"', '$."audio.loudness_lufs"',
        '$."audio.clipped_ratio"', '$."audio.zero_frame_ratio"', '$."audio.bandwidth_hz"', '$."audio.silence_ratio"',
        '$."audio.speech_ratio"', '$."audio.word_error_rate"'
    ]) AS said
    FROM spans WHERE contains(attributes, '"audio.')
)
SELECT
    trace_id, span_id, parent_span_id, start_ns, end_ns, service, name, status_code, adjusted_count, user_id, session_id, feature, tenant, user_tier,
    said[1], said[2], said[3], said[4], said[5], said[6],
    list_append(list_transform(try_cast(said[7:] AS DOUBLE[]), lambda value, i: CASE WHEN value
        BETWEEN ([0, 1e-09, 1e-09, 1, -0.5, -1, -1, -200, -200, 0, 0, 0, -200, 0, 0, 0, 0, 0, 0]::DOUBLE[])[i]
        AND ([2678400.0, 1000000000.0, 1000000000.0, 10000000.0, 5, 1, 1, 200, 200, 1, 5, 1, 50, 1, 1, 10000000.0, 1, 1, 1000000.0]::DOUBLE[])[i] THEN value END
    ), greatest(0, (end_ns - start_ns) / 1e9))
FROM read WHERE list_count(said) > 0 ORDER BY start_ns;
INSERT INTO dirty_buckets SELECT DISTINCT 'audio', '1h', unnest([start_ns // 3600000000000, start_ns // 3600000000000 + 1]), false FROM audio_spans;
INSERT INTO kept_from SELECT unnest(['audio_spans', 'audio_1h', 'audio_1d']), from_ns FROM kept_from WHERE subject = 'spans';
