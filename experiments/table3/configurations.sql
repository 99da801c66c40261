-- title: Table 3: pairs of student and teacher
-- kind: table
-- split: no measurement
-- note: n: seeds. teacher_mflop: for one image of the teacher's training.
WITH model AS ( -- a model's settings in one line, its cost for an example
    SELECT r.id, r.model || coalesce((SELECT ' (' || group_concat(substr(key, length(r.model) + 8)
            || ' ' || text, ', ') || ')'
            FROM param WHERE run = r.id AND key LIKE 'model.' || r.model || '.%'), '') AS name,
        (SELECT max(flops) / max(samples) FROM point WHERE run = r.id AND flops > 0) AS flops
    FROM run r
    WHERE r.kind = 'train'
)
SELECT s.dataset, m.name AS student, t.name AS teacher, count(DISTINCT s.kappa) AS kappas,
    count(DISTINCT s.objective || coalesce(s.tau, '')) AS objectives,
    count(DISTINCT s.seed) AS n, count(*) AS runs,
    round(min(t.flops) / 1e6, 2) AS teacher_mflop
FROM student s
    JOIN model m ON m.id = s.id
    JOIN model t ON t.id = s.teacher_run
WHERE s.status = 'done'
GROUP BY s.dataset, m.name, t.name
ORDER BY s.dataset, m.name, t.name;
