-- kappa-star.sql - where the mean performance gain of distillation at tau 20 first falls below 1,
-- linear in log kappa, for each study, with the seeds behind it.
measured AS (
    SELECT study, dataset, model, teacher, self, kappa, count(*) AS n,
        group_concat(seed, ' ') AS seeds, lt_uid, teacher_run
    FROM (SELECT * FROM v_study ORDER BY seed)
    WHERE objective = 'kd' AND tau = 20 AND metric = 'test/accuracy'
    GROUP BY study, dataset, model, teacher, self, kappa
),
star AS ( -- kappa_star NULL: `why`; n and seeds of the kappa that has the fewest
    SELECT m.study, m.dataset, m.model, m.teacher, m.self, min(m.n) AS n, m.seeds, m.lt_uid,
        m.teacher_run, s.largest_pg, s.kappa_star, coalesce(s.why, '') AS why
    FROM measured m
        JOIN v_kappa_star s ON coalesce(s.name, '') = m.study AND s.dataset = m.dataset
            AND s.model = m.model AND s.teacher IS m.teacher
    WHERE s.objective = 'kd' AND s.tau = 20 AND s.metric = 'test/accuracy'
    GROUP BY m.study, m.dataset, m.model, m.teacher
)
