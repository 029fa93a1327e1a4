"""What a shop exports becomes orders; every row that is not used is counted; every mistake gets one sentence."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.calibration.order_log import OrderLog, OrderLogError, ReadOptions, read_orders
from tests.places import ROOT, SAMPLE

CDNOW = SAMPLE
ONLINE_RETAIL = ROOT / ".." / "shared" / "data" / "online_retail" / "online_retail_invoices.csv.gz"


def read_text(folder: Path, text: str | bytes, amount: str | None = "amount", **said) -> OrderLog:
    path = folder / "orders.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_orders(path, "customer", "date", amount, options=ReadOptions(**said))


def read_rows(folder: Path, *rows: str, **options) -> OrderLog:
    return read_text(folder, "\n".join(["customer,date,amount", *rows]) + "\n", **options)


def orders_of(log: OrderLog) -> list[tuple[int, str, float]]:
    frame = log.frame
    return list(zip(frame["customer"], frame["day"].dt.strftime("%Y-%m-%d"), frame["amount"].round(2), strict=True))


def test_the_shipped_cdnow_sample_has_the_published_number_of_orders():
    log = read_orders(CDNOW, "sample_id", "date", "dollar_value")
    assert (log.counts["rows_read"], log.counts["orders"], log.counts["customers"]) == (6919, 6696, 2357)
    assert log.counts["zero_amount_orders"] == 8
    assert log.frame["amount"].sum() == pytest.approx(244_091.94)
    assert (str(log.first_day), str(log.last_day)) == ("1997-01-01", "1998-06-30")
    assert log.refused == []


@pytest.mark.skipif(not ONLINE_RETAIL.exists(), reason="the Online Retail data are not here")
def test_online_retail_rows_without_customer_are_refused_and_cancellations_netted():
    log = read_orders(ONLINE_RETAIL, "CustomerID", "invoice_date", "value")
    reasons = {refusal["reason"]: refusal["rows"] for refusal in log.refused}
    assert reasons["no customer"] == 3710
    assert log.counts["refunds_netted"] > 3000
    assert log.counts["rows_used"] + sum(reasons.values()) == log.counts["rows_read"] == 25_900
    assert (log.frame["amount"] >= 0).all()


@pytest.mark.skipif(not ONLINE_RETAIL.exists(), reason="the Online Retail data are not here")
def test_online_retail_lines_without_customer_are_the_published_number():
    log = read_orders(ONLINE_RETAIL.with_name("online_retail_lines.csv.gz"), "CustomerID", "InvoiceDate")
    assert log.refused == [{"reason": "no customer", "rows": 135_080, "first_lines": [624, 1445, 1446]}]
    assert log.counts["customers"] == 4372


def test_orders_of_a_customer_on_one_day_are_one_and_identifiers_do_not_travel(tmp_path):
    log = read_rows(
        tmp_path, "anna@x.org,2024-01-05 09:00,10", "anna@x.org,2024-01-05 21:30,5", "bo@x.org,2024-02-01,7"
    )
    assert orders_of(log) == [(0, "2024-01-05", 15), (1, "2024-02-01", 7)]
    assert log.counts["same_day_merged"] == 1
    assert "@" not in log.frame.to_csv()


def test_refunds_eat_the_same_day_first_then_the_latest_earlier_orders(tmp_path):
    log = read_rows(
        tmp_path,
        *("a,2024-01-01,50", "a,2024-02-01,30", "a,2024-03-01,20", "a,2024-03-01,-25"),  # 20 that day, 5 of February
        *("b,2024-01-01,10", "b,2024-01-09,-10", "b,2024-02-01,8"),  # the first order vanishes
        *("c,2024-01-01,-9", "c,2024-01-02,9"),  # nothing earlier to refund
    )
    assert orders_of(log) == [
        (0, "2024-01-01", 50),
        (0, "2024-02-01", 25),
        (1, "2024-02-01", 8),
        (2, "2024-01-02", 9),
    ]
    assert (log.counts["refunds_netted"], log.counts["refunds_unmatched"], log.counts["orders_cancelled"]) == (2, 1, 2)
    assert log.refused == [
        {
            "reason": "refund without an earlier order of the customer",
            "rows": 1,
            "first_lines": [9],
            "share_of_money": pytest.approx(9 / 171, abs=1e-6),
        }
    ]


def test_refunds_never_change_what_others_paid_whatever_the_sequence(tmp_path):
    """Against a stack kept by hand, 300 random customers."""
    rng = np.random.default_rng(3)
    rows, expected = [], {}
    for customer in range(300):
        stack: list[list] = []
        for day in range(1, 9):
            for amount in sorted(rng.integers(-6, 9, size=rng.integers(0, 4)).tolist(), reverse=True):
                rows.append(f"{customer:03d},2024-01-{day:02d},{amount}")
                if amount >= 0 and stack and stack[-1][0] == day:
                    stack[-1][1] += amount
                elif amount >= 0:
                    stack.append([day, amount])
                while amount < 0 and any(paid for _, paid in stack):
                    latest = next(order for order in reversed(stack) if order[1] > 0)
                    eaten = min(latest[1], -amount)
                    latest[1] -= eaten
                    amount += eaten
                    if latest[1] == 0:
                        stack.remove(latest)
        expected[customer] = sum(paid for _, paid in stack), len(stack)
    log = read_rows(tmp_path, *rows)
    money = log.frame["amount"].sum()
    assert money == sum(paid for paid, _ in expected.values())
    assert len(log.frame) == sum(orders for _, orders in expected.values())


def test_orders_worth_nothing_count_as_orders(tmp_path):
    log = read_rows(tmp_path, "a,2024-01-01,0", "a,2024-01-08,5", "b,2024-01-01,5")
    assert (log.counts["orders"], log.counts["zero_amount_orders"]) == (3, 1)


def test_without_amounts_every_row_is_an_order_and_the_log_says_so(tmp_path):
    log = read_rows(tmp_path, "a,2024-01-01,5", "a,2024-01-01,-5", "b,2024-01-01,5", amount=None)
    assert not log.has_amounts
    assert log.counts["orders"] == 2
    assert "refunds cannot be told" in log.notes[0]


def test_a_few_bad_rows_are_refused_with_reason_and_line(tmp_path):
    good = [f"c{i},2024-01-{1 + i % 28:02d},5" for i in range(100)]
    log = read_rows(
        tmp_path, ",2024-01-01,5", "a,,5", "a,soon,5", "a,2024-01-01,", "a,2024-01-01,five", "a,2024-01-01,5,9", *good
    )
    found = {refusal["reason"]: refusal["first_lines"] for refusal in log.refused}
    assert found == {
        "no customer": [2],
        "no date": [3],
        "unreadable date": [4],
        "no amount": [5],
        "unreadable amount": [6],
        "more fields than the header": [7],
    }
    assert log.counts["orders"] == 100


@pytest.mark.parametrize(("mark", "name"), [(";", "a;b"), ("\t", "a\tb")])
def test_a_european_spreadsheet_export_is_understood(tmp_path, mark, name):
    lines = [
        "customer;date;amount",
        f'"{name.replace(mark, ";")}";31.12.2023 10:00;1.234,50',
        "b;01.02.2024;12,5 €",
        ";;",
    ]
    log = read_text(tmp_path, b"\xef\xbb\xbf" + "\n".join(line.replace(";", mark) for line in lines).encode())
    assert orders_of(log) == [(0, "2023-12-31", 1234.5), (1, "2024-02-01", 12.5)]
    assert log.notes == ["dates were read day first, because of 31.12.2023", "amounts were read with a decimal comma"]


def test_an_american_spreadsheet_export_is_understood(tmp_path):
    log = read_rows(tmp_path, 'a,1/5/2024 8:26,"$1,234.50"', "a,12/31/23,(4.50)", "b,1/2/24,$3.00")
    assert orders_of(log) == [(0, "2024-01-05", 1234.5), (1, "2024-01-02", 3)]
    assert "month first, because of 12/31/23" in log.notes[0]


def test_undecidable_dates_are_refused_with_the_options_that_decide_them(tmp_path):
    rows = ("a,1/2/2024,5", "b,3/4/2024,5")
    with pytest.raises(OrderLogError, match="say --date-order day-first or --date-order month-first"):
        read_rows(tmp_path, *rows)
    assert str(read_rows(tmp_path, *rows, date_order="month-first").first_day) == "2024-01-02"
    log = read_rows(tmp_path, *rows, date_order="day-first")
    assert (str(log.first_day), log.notes[0]) == ("2024-02-01", "dates were read day first, as asked")
    assert str(read_rows(tmp_path, *rows, date_format="%m/%d/%Y").first_day) == "2024-01-02"


@pytest.mark.parametrize(
    "text", ["2024-03-05", "2024-03-05T23:59:00Z", "20240305", "2024/3/5", "5-Mar-24", "05 March 2024"]
)
def test_one_day_is_read_in_many_writings(tmp_path, text):
    assert str(read_rows(tmp_path, f"a,{text},5", f"b,{text},5").first_day) == "2024-03-05"


def test_gzip_and_old_windows_text_are_read(tmp_path):
    text = "customer,date,amount\nMüller,2024-01-01,5\nMöller,2024-01-01,5\n"
    assert read_text(tmp_path, text.encode("cp1252")).counts["customers"] == 2
    assert read_text(tmp_path, gzip.compress(text.encode())).counts["customers"] == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty."),
        ("customer,date,amount\n", "holds no orders below its header."),
        (
            "Customer,date,amount\na,2024-01-01,5\n",
            "has no column 'customer': did you mean 'Customer'? its columns are",
        ),
        (
            "customer,date,amount\na,soon,5\nb,later,5\n",
            "has 2 of 2 dates that cannot be read, for example 'soon' on line 2",
        ),
        ("customer,date,amount\na,2024-01-01,x\nb,2024-01-01,5\n", "has 1 of 2 amounts that cannot be read"),
        ("customer,date,amount\na,2024-01-01,-5\nb,2024-01-01,-5\n", "holds negative amounts only"),
        ("customer,date,amount\na,2024-01-01,5\na,2024-01-02,5\n", "holds one customer only"),
        ("customer,date,amount\n,2024-01-01,5\n", "holds no usable row: the last 1 were refused for 'no customer'."),
        ("customer,date,amount\na,2024-01-01,5\na,2024-01-02,-5\n", "holds no order that was not refunded"),
        ("customer,date,amount\na,13/1/2024,5\nb,1/13/2024,5\n", "mixes day-first and month-first dates"),
        ('customer,date,amount\na,2024-01-01,"1,234"\nb,2024-01-01,5\n', "could be thousands or decimals"),
        ('customer,date,amount\na,2024-01-01,"1,2"\nb,2024-01-01,5.25\n', "mixes decimal commas and points"),
        (
            "customer,date,amount\na,2024-01-01,12,50\nb,2024-01-01,3,20\n",
            "has 2 of 2 rows with more fields than its header",
        ),
        ('customer,date,amount\na,2024-01-01,"5\nb,2024-01-01,5\n', "is damaged: a quotation mark is never closed."),
        ("customer,date,date,amount\na,2024-01-01,,5\n", "has 2 columns named 'date'"),
        (b"PK\x03\x04rest of a workbook", "is a zip archive but no Excel workbook"),
        ("customer,date\n".encode("utf-16"), "has no column 'amount'"),
        (b"\x1f\x8bnot really gzip", "is a damaged gzip file."),
    ],
)
def test_every_unusable_file_gets_one_sentence(tmp_path, text, sentence):
    with pytest.raises(OrderLogError) as caught:
        read_text(tmp_path, text)
    message = str(caught.value)
    assert sentence in message
    assert "\n" not in message


def test_one_column_cannot_have_two_meanings(tmp_path):
    with pytest.raises(OrderLogError, match="cannot give one column two meanings"):
        read_orders(CDNOW, "date", "date")


def test_a_folder_a_missing_file_and_a_locked_one_are_named(tmp_path, monkeypatch):
    with pytest.raises(OrderLogError, match="is a folder"):
        read_orders(tmp_path, "customer", "date")
    with pytest.raises(OrderLogError, match=r"does not exist\.$"):
        read_orders(tmp_path / "nothing.csv", "customer", "date")

    def locked(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)
    with pytest.raises(OrderLogError, match=r"cannot be read: permission denied\.$"):
        read_orders(CDNOW, "customer", "date")


@pytest.mark.parametrize("printable", [False, True])
def test_fifty_megabytes_of_garbage_are_refused_without_being_loaded(tmp_path, printable):
    garbage = np.random.default_rng(1).integers(33 if printable else 0, 127 if printable else 256, 50_000_000, np.uint8)
    path = tmp_path / "garbage.csv"
    path.write_bytes(garbage.tobytes())
    tracemalloc.start()
    with pytest.raises(OrderLogError) as caught:
        read_orders(path, "customer", "date")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000
    assert len(str(caught.value)) < 1_000 + len(str(path))


def test_garbage_after_a_good_beginning_is_refused_in_one_sentence(tmp_path):
    good = b"customer,date,amount\n" + b"a,2024-01-01,5\nb,2024-01-02,5\n" * 5_000
    with pytest.raises(OrderLogError) as caught:
        read_text(tmp_path, good + np.random.default_rng(0).bytes(5_000_000))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_million_rows_are_read_and_accounted_for(tmp_path):
    rng = np.random.default_rng(7)
    n = 1_000_000
    days = np.datetime64("2022-01-01") + rng.integers(0, 730, n)
    rows = {"customer": rng.integers(0, 150_000, n), "date": days, "amount": rng.integers(-20, 980, n) / 10}
    path = tmp_path / "million.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    log = read_orders(path, "customer", "date", "amount")
    assert log.counts["rows_read"] == n
    assert log.counts["rows_used"] + sum(refusal["rows"] for refusal in log.refused) == n
