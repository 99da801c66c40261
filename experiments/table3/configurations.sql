-- title: Table 3: pairs of student and teacher in this database
-- kind: table
-- split: no measurement
-- needs: run/params
-- note: n: seeds. Parameters: trainable numbers, by the analysis flops; mflop: forward pass of one
--   image.
WITH net AS ( -- a net's settings in one line, its size and cost
    SELECT r.id, r.model || coalesce((SELECT ' (' || group_concat(substr(key, length(r.model) + 8)
            || ' ' || text, ', ') || ')'
            FROM param WHERE run = r.id AND key LIKE 'model.' || r.model || '.%'
                AND text <> ''), '') AS name,
        (SELECT v.value FROM result v JOIN metric_key k ON k.id = v.key
            WHERE v.run = r.id AND k.name LIKE 'run/params%') AS params,
        (SELECT v.value FROM result v JOIN metric_key k ON k.id = v.key
            WHERE v.run = r.id AND k.name LIKE 'run/forward_flops%') / 1e6 AS mflop
    FROM run r
    WHERE r.kind = 'train'
)
SELECT s.dataset, m.name AS student, t.name AS teacher, CAST(max(m.params) AS INTEGER) AS params,
    CAST(max(t.params) AS INTEGER) AS teacher_params,
    round(max(m.params) / max(t.params), 2) AS ratio, round(max(m.mflop), 2) AS mflop,
    round(max(t.mflop), 2) AS teacher_mflop, count(DISTINCT s.kappa) AS kappas,
    count(DISTINCT s.objective || coalesce(s.tau, '')) AS objectives, count(DISTINCT s.seed) AS n,
    count(*) AS runs
FROM student s
    JOIN net m ON m.id = s.id
    JOIN net t ON t.id = s.teacher_run
WHERE s.status = 'done'
GROUP BY s.dataset, m.name, t.name
ORDER BY s.dataset, m.name, t.name;
