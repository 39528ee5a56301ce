"""Reverse-mode automatic differentiation, in five types and a checker.

A network is a composition y = f(g(h(x))). Recording it on a `Tape` names the intermediate values
u₀ … uₙ in order; a `Plan` gives each its memory. `Plan.forward` evaluates u₀ … uₙ;
`Plan.backward` goes from the end to the start and multiplies, at each function, the gradient of
its output by the function's own derivative (the chain rule): backpropagation. Parameters, their
gradients, and state that is not trained live in an `Arena`. Limits: a program is static, there are
no gradients of gradients, and each run overwrites the results of the previous one.
"""
