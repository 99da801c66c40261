-- cost.sql - what students are judged by (headline.sql) over the operations of their training, the
-- teacher's answers included; those of an lt student once for each teacher.
rate (run, flops) AS ( -- operations for an example
    SELECT run, max(flops) / max(samples) FROM point WHERE flops > 0 GROUP BY run
),
judged AS (
    SELECT s.study, s.dataset, s.model, s.teacher_run, s.kappa, s.seed, s.value, s.lt,
        s.run AS kd_run, l.id AS lt_run, s.kappa * l.n AS examples
    FROM v_study s
        JOIN headline h ON h.dataset = s.dataset AND h.metric = s.metric AND h.tau = s.tau
        JOIN run l ON l.uid = s.lt_uid
    WHERE s.objective = 'kd'
),
cost AS (
    SELECT j.study, j.dataset, j.model, j.teacher_run, 'kd' AS objective, j.kappa, j.seed, j.value,
        j.examples * r.flops AS flops, r.flops AS rate
    FROM judged j
        JOIN rate r ON r.run = j.kd_run
    UNION ALL
    SELECT j.study, j.dataset, j.model, j.teacher_run, 'lt', j.kappa, j.seed, j.lt,
        j.examples * r.flops, r.flops
    FROM judged j
        JOIN rate r ON r.run = j.lt_run
)
