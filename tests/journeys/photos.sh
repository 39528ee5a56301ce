# A folder of photos without splits: which of them are wrong?
cp -r "$DATA/shapes/train" photos

mlptrain init photos -o photos.yaml
mlptrain check photos.yaml
mlptrain train photos.yaml --set training.epochs=20
mlptrain report
mlptrain eval --errors errors.csv --predictions predictions.jsonl

test -s runs/photos-001/report.html
head -n 1 errors.csv | grep --quiet '^path,true,predicted,wrong,'

# A damaged photo, and one of the wrong kind, are found before training, all at once.
find photos -name '*.png' | sort > names.txt
first=$(head -n 1 names.txt)
second=$(tail -n 1 names.txt)
head -c 100 "$first" > cut.png && mv cut.png "$first"
echo 'not an image' > "$second"
fails_with 3 mlptrain check photos.yaml > findings.txt
grep --quiet "$(basename "$first")" findings.txt
grep --quiet "$(basename "$second")" findings.txt
