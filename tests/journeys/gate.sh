# A gate in CI against the last release.
mlptrain train "$CONFIGS/digits.yaml" --run-dir release --set training.epochs=5
mlptrain eval release --json > release.json
mlptrain train "$CONFIGS/digits.yaml" --run-dir candidate --set training.epochs=5 --set seed=1
mlptrain train "$CONFIGS/digits.yaml" --run-dir worse --set training.epochs=1

mlptrain eval candidate --baseline release --max-drop accuracy=0.05 --min accuracy=0.9 \
  --junit passed.xml
grep --quiet 'failures="0"' passed.xml

fails_with 8 mlptrain eval worse --baseline release.json --max-drop accuracy=0.005 \
  --junit missed.xml
grep --quiet '<failure' missed.xml

# In GitHub Actions, the missed gate is an annotation, and the job gets a summary.
export GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$PWD/summary.md
fails_with 8 mlptrain eval worse --min accuracy=0.99 > log.txt 2>&1
grep --quiet '^::error' log.txt
grep --quiet accuracy summary.md
