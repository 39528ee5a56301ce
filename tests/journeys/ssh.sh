# Two hours through ssh: the connection breaks, training goes on the next day, to the same bytes.
mlptrain train "$CONFIGS/digits.yaml" --run-dir run > log.txt 2>&1 &
until [ "$(wc -l < run/metrics.jsonl 2> /dev/null || echo 0)" -ge 2 ]; do sleep 0.1; done
kill -HUP $!
fails_with 129 wait $!

mlptrain train "$CONFIGS/digits.yaml" --run-dir run --resume
mlptrain reproduce run
