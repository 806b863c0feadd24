"""Products are right, whichever library takes them."""

import pytest
import torch
from torch.nn.functional import linear as torch_linear

from sitt.nn import products

ROWS, LONG, SHORT = 4096, products._LONGEST_SUM + 1, 24


@pytest.fixture
def by_onednn(monkeypatch):
    """Return the shapes of the products that oneDNN took."""
    shapes = []
    if products._HAS_BOTH:
        call = products._onednn_linear
        monkeypatch.setattr(
            products, "_onednn_linear", lambda x, *others: shapes.append(tuple(x.shape)) or call(x, *others)
        )
    return shapes


@pytest.mark.parametrize(("rows", "inputs", "taken"), [(ROWS, SHORT, True), (ROWS, LONG, False), (3, SHORT, False)])
@pytest.mark.parametrize("turned", [False, True])
def test_linear_is_the_product(by_onednn, rows, inputs, taken, turned):
    torch.manual_seed(0)
    x, bias = torch.randn(rows, inputs), torch.randn(64)
    weight = torch.randn(inputs, 64).t() if turned else torch.randn(64, inputs)
    exact = torch_linear(x.double(), weight.double(), bias.double())
    torch.testing.assert_close(products.linear(x, weight, bias).double(), exact, rtol=1e-4, atol=1e-4)
    assert by_onednn == ([(rows, inputs)] if taken and products._HAS_BOTH else [])


@pytest.mark.parametrize(("rows", "left", "right"), [(96, 256, 2066), (96, 64, 23), (2048, 23, 64), (1, 3, 2)])
def test_outer_is_the_product_in_both_orders(rows, left, right):
    torch.manual_seed(0)
    x, y = torch.randn(rows, left), torch.randn(rows, right)
    exact = x.double().t() @ y.double()
    torch.testing.assert_close(products.outer(x, y).double(), exact, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(products.outer(y, x).double(), exact.t(), rtol=1e-4, atol=1e-3)


def test_what_is_no_number_stays_none():
    x = torch.zeros(ROWS, SHORT)
    x[5, 3] = float("nan")
    assert products.linear(x, torch.ones(64, SHORT)).isnan().any(1).nonzero().tolist() == [[5]]


@pytest.mark.parametrize("outputs", [1, 8, 9, 16, 64, 100, 256])
@pytest.mark.parametrize("inputs", [3, 23, 64, 191, 192, 193, 256])
@pytest.mark.parametrize("rows", [512, 2048, 2100])
def test_no_result_depends_on_who_takes_a_product(rows, inputs, outputs):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
    assert torch.equal(products.linear(x, weight, bias), torch_linear(x, weight, bias))


@pytest.mark.parametrize(("outputs", "inputs"), [(9, 64), (1, 64), (4, 3)])
def test_few_outputs_are_the_product_column_by_column(outputs, inputs):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(100, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
    result = products.few_outputs(x, weight, bias)
    torch.testing.assert_close(result, torch_linear(x, weight, bias))
    assert result.t().is_contiguous()


def test_by_column_changes_the_order_in_memory_only():
    x = torch.arange(6.0).view(2, 3)
    assert torch.equal(products.by_column(x), x)
    assert products.by_column(x).t().is_contiguous()
