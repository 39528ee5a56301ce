# A model for colleagues who have only ONNX Runtime, NumPy, Keras, PyTorch, scikit-learn or a browser.
mlptrain train "$CONFIGS/digits.yaml" --run-dir digits --set training.epochs=3
for target in onnx numpy keras torch sklearn browser weights; do
  mlptrain export digits --to $target
done

# The NumPy file needs no mlptrain, and says what mlptrain says.
image=$DATA/digits/test/7/0017.png
python -I digits/predict.py "$image" | grep --quiet 7
mlptrain predict "$image" --model digits/weights.safetensors

# Back again from Keras.
mlptrain import digits/model.keras --to again
mlptrain predict "$image" --model again
