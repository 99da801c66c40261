-- title: Fig. 20 to 25: CKA between students, tau 1 and 20
-- kind: figure
-- plot: ../base/heat.gp
-- x: student
-- y: student
-- split: test; nothing was selected
-- note: n: test images of one entry. CKA, biased, on rows of unit length.
WITH entry AS (
    SELECT a.study, a.kappa, coalesce(a.tau, b.tau) AS tau, a.objective AS of, b.objective AS to_of,
        a.seed AS of_seed, b.seed AS to_seed, v.value, v.n
    FROM pairwise v
        JOIN metric_key k ON k.id = v.key AND k.name = 'test/cka_cross'
        JOIN student a ON a.id = v.run_a
        JOIN student b ON b.id = v.run_b
    WHERE a.study = b.study AND a.dataset = b.dataset AND a.model = b.model AND a.kappa = b.kappa
        AND a.objective IN ('lt', 'kd') AND b.objective IN ('lt', 'kd')
        AND coalesce(a.tau, b.tau, 20) = coalesce(b.tau, a.tau, 20)
),
whole AS ( -- two lt students belong to the matrix of every tau
    SELECT e.study, e.kappa, t.tau, e.of, e.to_of, e.of_seed, e.to_seed, e.value, e.n
    FROM entry e
        JOIN (SELECT DISTINCT study, kappa, tau FROM entry WHERE tau IS NOT NULL) t
            ON t.study = e.study AND t.kappa = e.kappa AND (e.tau IS NULL OR e.tau = t.tau)
)
SELECT study || printf(' kappa %g tau %g', kappa, tau) AS panel,
    dense_rank() OVER (PARTITION BY study, kappa, tau ORDER BY of <> 'kd', of_seed) AS row,
    dense_rank() OVER (PARTITION BY study, kappa, tau ORDER BY to_of <> 'kd', to_seed) AS col,
    of || ' ' || of_seed AS row_name, to_of || ' ' || to_seed AS col_name, value, n
FROM whole
ORDER BY study, tau, kappa, row, col;

-- expect:
SELECT * FROM planned
WHERE role IS NOT 'teacher' AND objective IN ('lt', 'kd');
