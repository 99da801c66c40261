-- pairs.sql - what claims speak of. Studies that change one setting on purpose are left out.
-- `gain`: what students from a teacher of their own kind are judged by (headline.sql), at the
-- study's temperature, with that of label training beside it.
claimed (study) AS (
    SELECT DISTINCT study FROM student
    WHERE study <> 'tau-scale' AND study NOT LIKE '%-fixed' AND study NOT LIKE '%-crop'
        AND study NOT LIKE '%-momentum' AND study NOT LIKE '%-same-init'
        AND study NOT LIKE '%-pinned'
),
pair AS (
    SELECT * FROM v_study WHERE study IN (SELECT study FROM claimed) ORDER BY seed
),
gain AS (
    SELECT p.* FROM pair p
        JOIN headline h ON h.dataset = p.dataset AND h.metric = p.metric AND h.tau = p.tau
    WHERE p.self AND p.objective = 'kd'
)
