# A sweep from the shell: which run was best, and why?
for rate in 0.0001 0.001 0.01; do
  mlptrain train "$CONFIGS/digits.yaml" --quiet --set training.epochs=3 \
    --set training.optimizer.learning_rate=$rate
done

mlptrain runs --sort test_accuracy
mlptrain runs --json > runs.json
best=$(python -c '
import json
runs = json.load(open("runs.json"))["runs"]
print(max(runs, key=lambda run: run["test"]["accuracy"])["name"])')
mlptrain diff runs/digits-001 "runs/$best"
mlptrain diff runs/digits-001 "runs/$best" --json > diff.json
