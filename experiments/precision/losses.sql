-- losses.sql - the training loss of the runs that are planned, by precision, seed and step.
chosen AS (
    SELECT r.id AS run, r.seed, p.text AS precision
    FROM planned c
        JOIN run r ON r.config_hash = c.config_hash
        JOIN param p ON p.run = r.id AND p.key = 'train.precision'
    WHERE r.status = 'done'
),
loss AS (
    SELECT c.run, c.precision, c.seed, p.step, p.value
    FROM chosen c
        JOIN point p ON p.run = c.run
        JOIN metric_key k ON k.id = p.key AND k.name = 'train/loss'
),
gap AS ( -- of a seed at a step
    SELECT a.seed, a.step, a.value AS fp32, b.value AS bf16, b.value - a.value AS d
    FROM loss a
        JOIN loss b ON b.seed = a.seed AND b.step = a.step AND b.precision = 'bf16'
    WHERE a.precision = 'fp32'
)
