-- matrix.sql - similarity of students of one study and kappa with each other, kd before lt; those
-- of lt belong to the matrix of every tau.
entry AS (
    SELECT a.study, v.kappa, coalesce(a.tau, b.tau) AS tau, a.objective AS of, b.objective AS to_of,
        a.seed AS of_seed, b.seed AS to_seed, v.value, v.n
    FROM pairwise v
        JOIN metric_key k ON k.id = v.key AND k.name = 'test/cka_cross'
        JOIN student a ON a.id = v.run_a
        JOIN student b ON b.id = v.run_b
    WHERE a.study = b.study AND a.dataset = b.dataset AND a.model = b.model AND a.kappa = b.kappa
        AND a.objective IN ('lt', 'kd') AND b.objective IN ('lt', 'kd')
        AND coalesce(a.tau, b.tau, 0) = coalesce(b.tau, a.tau, 0)
),
matrix AS (
    SELECT e.study, e.kappa, t.tau, e.value, e.n,
        dense_rank() OVER (PARTITION BY e.study, e.kappa, t.tau ORDER BY e.of <> 'kd', e.of_seed)
            AS row,
        dense_rank() OVER (PARTITION BY e.study, e.kappa, t.tau
            ORDER BY e.to_of <> 'kd', e.to_seed) AS col,
        e.of || ' ' || e.of_seed AS row_name, e.to_of || ' ' || e.to_seed AS col_name
    FROM entry e
        JOIN (SELECT DISTINCT study, kappa, tau FROM entry WHERE tau IS NOT NULL) t
            ON t.study = e.study AND t.kappa = e.kappa AND (e.tau IS NULL OR e.tau = t.tau)
)
