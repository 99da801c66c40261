-- kappa-star.sql - where the mean performance gain of distillation first falls below 1, linear in
-- log kappa, for each study, in what it is judged by (headline.sql), with the seeds behind it.
measured AS (
    SELECT s.study, s.dataset, s.model, s.teacher, s.self, s.kappa, h.metric, h.tau,
        count(*) AS n, group_concat(s.seed, ' ') AS seeds, s.lt_uid, s.teacher_run
    FROM (SELECT * FROM v_study WHERE objective = 'kd' ORDER BY seed) s
        JOIN headline h ON h.dataset = s.dataset AND h.metric = s.metric AND h.tau = s.tau
    GROUP BY s.study, s.dataset, s.model, s.teacher, s.self, s.kappa
),
star AS ( -- kappa_star NULL: `why`; n and seeds of the kappa that has the fewest
    SELECT m.study, m.dataset, m.model, m.teacher, m.self, min(m.n) AS n, m.seeds, m.lt_uid,
        m.teacher_run, s.largest_pg, s.kappa_star, coalesce(s.why, '') AS why
    FROM measured m
        JOIN v_kappa_star s ON coalesce(s.name, '') = m.study AND s.dataset = m.dataset
            AND s.model = m.model AND s.teacher IS m.teacher
            AND s.tau = m.tau AND s.metric = m.metric
    WHERE s.objective = 'kd'
    GROUP BY m.study, m.dataset, m.model, m.teacher
)
