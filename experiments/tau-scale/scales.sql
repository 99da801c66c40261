-- scales.sql - test accuracies by objective, temperature and factor before the divergence.
scaled AS (
    SELECT p.*,
        (SELECT text FROM param WHERE run = p.run AND key = 'objective.kd.tau_scale') AS scale
    FROM v_study p
    WHERE p.metric = 'test/accuracy'
),
curve AS (
    SELECT objective || iif(tau IS NULL, '', printf(' tau %g', tau)) || coalesce(' ' || scale, '')
            AS what,
        kappa, seed, value
    FROM scaled
    UNION -- an lt run is there once for each partner
    SELECT 'lt', kappa, seed, lt FROM scaled
)
