-- curves.sql - every result of the students, an lt student's once for each study and teacher;
-- `what` names the objective with its temperature.
curve AS (
    SELECT study, dataset, model, teacher, objective, tau,
        objective || iif(tau IS NULL, '', printf(' tau %g', tau)) AS what,
        metric, kappa, seed, value
    FROM v_study
    UNION -- an lt run is there once for each partner
    SELECT study, dataset, model, teacher, 'lt', NULL, 'lt', metric, kappa, seed, lt FROM v_study
)
