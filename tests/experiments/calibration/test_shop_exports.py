"""Order logs as shop systems, spreadsheets and banks write them: one shop in many writings is always the same shop."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlab.experiments.calibration.export_format import parse_amounts, parse_days
from crmlab.experiments.calibration.month_names import _YEARS, month_of
from crmlab.experiments.calibration.order_log import OrderLog, OrderLogError, ReadOptions, read_orders
from crmlab.experiments.calibration.tables import FormatError, TableOptions

DAYS = ["2023-01-05", "2023-02-17", "2023-02-17", "2023-11-30"]
AMOUNTS = [1234.5, 20.0, -7.75, 99.0]


def log_of(path: Path, amount: str | None = "amount", table: TableOptions | None = None, **said) -> OrderLog:
    return read_orders(path, "customer", "date", amount, options=ReadOptions(**said), table=table or TableOptions())


def text_log(folder: Path, text: str | bytes, **said) -> OrderLog:
    path = folder / "orders.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return log_of(path, **said)


def assert_the_shop(log: OrderLog) -> None:
    frame = log.frame
    assert frame["day"].dt.strftime("%Y-%m-%d").tolist() == ["2023-01-05", "2023-11-30", "2023-02-17"]
    assert frame["amount"].round(2).tolist() == [1234.5, 99.0, 12.25]
    assert log.counts["refunds_netted"] == 1
    assert log.refused == []


def written(day: str, amount: str) -> str:
    """The shop's four rows with days and amounts written in some way."""
    days = [datetime.date.fromisoformat(text) for text in DAYS]
    rows = ["customer;date;amount"]
    for name, when, value in zip("abba", days, AMOUNTS, strict=True):
        shown = when.strftime(day) if "%" in day else day.format(y=when.year, m=when.month, d=when.day)
        rows.append(f"{name};{shown};{amount.format(value)}")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    "day",
    ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%y-%m-%d", "%b %d, %Y", "%B %d, %Y 10:15", "%a, %d %b %Y", "%d %B %Y",
     "{y}年{m}月{d}日", "{y}년 {m}월 {d}일", "%Y-%m-%dT%H:%M:%S+02:00", "%Y%m%d"],
)  # fmt: skip
def test_days_in_many_writings_are_the_same_days(tmp_path, day):
    assert_the_shop(text_log(tmp_path, written(day, "{:.2f}")))


@pytest.mark.parametrize(
    "amount",
    [
        "{:,.2f}",
        "R$ {:.2f}",
        "{:.2f} zł",
        "{:.2f} kr",
        "kr. {:.2f}",
        "{:.2f} Kč",
        "€{:.2f}",
        "{:.2f} EUR",
        "US$ {:.2f}",
    ],
)
def test_amounts_with_currency_marks_are_amounts(tmp_path, amount):
    assert_the_shop(text_log(tmp_path, written("%Y-%m-%d", amount)))


@pytest.mark.parametrize("minus", ["-{}", "{}-", "({})", "−{}", "- {}", "$-{}", "-${}", "{}- $"])
def test_a_refund_is_a_refund_wherever_its_sign_stands(minus):
    values, _ = parse_amounts(pd.Series([minus.format("12.50"), "3.25"]))
    assert values.tolist() == [-12.5, 3.25]


@pytest.mark.parametrize("marks", [(".", ","), (",", ".")])
def test_points_and_commas_are_treated_alike(marks):
    thousands, decimal = marks
    swap = str.maketrans(",.", thousands + decimal)

    def read(*texts: str, **said) -> list[float]:
        return parse_amounts(pd.Series([text.translate(swap) for text in texts]), **said)[0].tolist()

    assert read("1,250", "3.5") == [1250, 3.5]
    assert read("1,250,000", "145,230") == [1_250_000, 145_230]
    assert read("0.125", "1.500") == [0.125, 1.5]
    assert read("1234.567") == [1234.567]
    with pytest.raises(FormatError, match="--decimal"):
        read("1,250", "3")
    with pytest.raises(FormatError, match="--decimal"):
        read("1.250", "3")
    word = {".": "point", ",": "comma"}
    assert read("1.250", "3", decimal=word[decimal]) == [1.25, 3]
    assert read("1.250", "3", decimal=word[thousands]) == [1250, 3]


def test_two_currencies_in_one_column_are_not_added_up():
    with pytest.raises(FormatError, match="several currencies"):
        parse_amounts(pd.Series(["€ 5.00", "$ 6.00"]))


def test_numbers_that_were_numbers_in_the_file_have_decimal_points(tmp_path):
    frame = pd.DataFrame({"customer": ["a", "b"], "date": pd.to_datetime(DAYS[:2]), "amount": [1.234, 5.125]})
    frame.to_parquet(tmp_path / "orders.parquet")
    frame.to_excel(tmp_path / "orders.xlsx", index=False)
    for name in ("orders.parquet", "orders.xlsx"):
        assert log_of(tmp_path / name).frame["amount"].tolist() == [1.234, 5.125]


def test_excel_and_parquet_are_read_as_the_text_is(tmp_path):
    frame = pd.DataFrame({"customer": [7, 8, 8, 7], "date": pd.to_datetime(DAYS), "amount": AMOUNTS, "note": "x"})
    frame.to_parquet(tmp_path / "orders.parquet")
    with pd.ExcelWriter(tmp_path / "orders.xlsx") as book:
        pd.DataFrame({"about": ["made by the shop"]}).to_excel(book, sheet_name="cover", index=False)
        frame.to_excel(book, sheet_name="orders", index=False)
    for name in ("orders.parquet", "orders.xlsx"):
        assert_the_shop(log_of(tmp_path / name))
    assert any("sheet 'orders'" in note for note in log_of(tmp_path / "orders.xlsx").notes)
    with pytest.raises(OrderLogError, match="has no sheet 'order': its sheets are cover, orders"):
        log_of(tmp_path / "orders.xlsx", table=TableOptions(sheet="order"))
    with pytest.raises(OrderLogError, match="has no column 'customer': its columns are about"):
        log_of(tmp_path / "orders.xlsx", table=TableOptions(sheet="cover"))


def test_days_as_numbers_of_a_machine_are_days():
    for texts in (["44931", "44932.75"], ["1672876800", "1673000000"], ["1672876800000", "1673000000000"]):
        days, notes = parse_days(pd.Series(texts))
        assert days.dt.strftime("%Y-%m-%d").tolist() == ["2023-01-05", "2023-01-06"], texts
        assert notes


FIFTH_OF_MARCH = {
    "German": ["5. März 2024", "05-Mär-24", "5.Mrz.2024", "Di., 5. März 2024 10:15", "5 MÄRZ 2024"],
    "French": ["5 mars 2024", "mardi 5 mars 2024 à 10:15"],
    "Spanish": ["5 de marzo de 2024", "mar 5 mar 2024", "5-mar-24"],
    "Italian": ["5 marzo 2024", "mar, 5 marzo 2024", "5º marzo 2024"],
    "Portuguese": ["5 de março de 2024", "terça-feira, 5 de março de 2024"],
    "Dutch": ["5 mrt. 2024", "5 maart 2024"],
    "Nordic": ["5. mars 2024", "5. marts 2024"],
    "Polish and Czech": ["5 marca 2024", "wt. 5 mar 2024", "5. března 2024"],
    "Russian and Turkish": ["5 марта 2024 г.", "5 Mart 2024"],
    "English": ["5 Mar 2024", "March 5th, 2024", "Mar 5, 2024", "Tue Mar 5 2024", "Tue, 05 Mar 2024 10:15:00 +0100"],
}


@pytest.mark.parametrize("language", FIFTH_OF_MARCH)
def test_the_fifth_of_march_is_read_in_the_languages_of_europe(language):
    for text in FIFTH_OF_MARCH[language]:
        assert parse_days(pd.Series([text]))[0].tolist() == [pd.Timestamp("2024-03-05")], text


def test_every_month_is_known_by_its_name_and_by_the_beginning_that_no_other_month_has():
    beginnings = 0
    for year in _YEARS.values():
        assert [month_of(name.upper()) for name in year.split()] == list(range(1, 13)), year
        for month, name in enumerate(year.split(), start=1):
            parts = {name[:letters] for letters in range(3, len(name) + 1)} - {"červen"}  # June, and begins July
            assert {month_of(part) for part in parts} <= {month, None}, name
            beginnings += month_of(name[:3]) == month
    assert beginnings > 0.95 * 12 * len(_YEARS)


def test_a_month_that_could_be_two_or_none_is_refused_with_the_way_out(tmp_path):
    for word in ("jui", "hello", "ma"):
        text = written("%Y-%m-%d", "{:.2f}").replace("2023-01-05", f"5 {word} 2023")
        with pytest.raises(OrderLogError, match=rf"'5 {word} 2023' on line 2: .* --date-format"):
            text_log(tmp_path, text)


def test_a_stated_format_takes_months_of_other_languages_too():
    days, _ = parse_days(pd.Series(["5/Okt/23 10h", "6/Dez/23 11h"]), date_format="%d/%b/%y %Hh")
    assert days.dt.strftime("%Y-%m-%d").tolist() == ["2023-10-05", "2023-12-06"]
    days, _ = parse_days(pd.Series(["2023 décembre 5"]), date_format="%Y %B %d")
    assert days.tolist() == [pd.Timestamp("2023-12-05")]


@pytest.mark.parametrize("digits", ["０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९"])
def test_digits_of_every_script_are_digits(tmp_path, digits):
    text = written("%Y-%m-%d", "{:.2f}").translate(str.maketrans("0123456789", digits))
    log = text_log(tmp_path, text)
    assert_the_shop(log)
    assert any("other scripts" in note for note in log.notes)


def test_years_of_two_digits_never_lie_in_the_future():
    days, _ = parse_days(pd.Series(["13/06/99", "01/01/00", "31/12/26"]), today=datetime.date(2026, 6, 1))
    assert days.dt.year.tolist() == [1999, 2000, 2026]
    assert parse_days(pd.Series(["28/06/31"]), today=datetime.date(2026, 6, 1))[0].dt.year.tolist() == [1931]


def test_an_order_that_a_year_stands_in_front_of_is_asked_for_where_nothing_decides():
    with pytest.raises(FormatError, match="--date-order day-first or --date-order year-first"):
        parse_days(pd.Series(["23-01-22", "24-02-21"]))
    days, _ = parse_days(pd.Series(["23-01-22", "24-02-21"]), "year-first")
    assert days.dt.strftime("%Y-%m-%d").tolist() == ["2023-01-22", "2024-02-21"]


def rows(n: int = 60) -> list[str]:
    return [f"c{i % 20},2023-{1 + i % 12:02d}-{1 + i % 28:02d},10" for i in range(n)]


@pytest.mark.parametrize(
    ("odd", "reason"),
    [("2032-01-05", "a day in the future"), ("1970-01-01", "long before"), ("2025-10-01", "long after")],
)
def test_one_day_far_from_all_others_is_set_aside_and_named(tmp_path, odd, reason):
    log = text_log(tmp_path, "\n".join(["customer,date,amount", *rows(), f"c3,{odd},10"]) + "\n")
    assert (log.first_day >= np.datetime64("2023-01-01"), log.last_day < np.datetime64("2024-01-01")) == (True, True)
    assert log.refused[0]["first_lines"] == [62]
    assert reason in log.refused[0]["reason"]
    assert f"{odd} on line 62" in log.warnings[0]


def test_a_quiet_half_year_inside_a_log_loses_nobody(tmp_path):
    later = [row.replace("2023", "2025") for row in rows()]
    log = text_log(tmp_path, "\n".join(["customer,date,amount", *rows(), *later]) + "\n")
    assert log.refused == []


def test_the_end_of_the_observation_is_the_users_to_say(tmp_path):
    text = "\n".join(["customer,date,amount", *rows()]) + "\n"
    log = text_log(tmp_path, text, end=datetime.date(2023, 6, 30))
    assert log.last_day == np.datetime64("2023-06-30")
    assert log.frame["day"].max() <= pd.Timestamp("2023-06-30")
    assert "--end" in log.refused[0]["reason"]
    assert text_log(tmp_path, text, end=datetime.date(2024, 3, 1)).last_day == np.datetime64("2024-03-01")


def test_a_thin_tail_is_pointed_out(tmp_path):
    rng = np.random.default_rng(1)
    days = [f"c{i % 90},{np.datetime64('2023-01-01') + int(d)},5" for i, d in enumerate(rng.integers(0, 365, 3000))]
    log = text_log(tmp_path, "\n".join(["customer,date,amount", *days, "c1,2024-02-20,5"]) + "\n")
    assert any("the last 7 weeks hold 1 orders" in warning and "--end 20" in warning for warning in log.warnings)


def test_the_share_of_the_money_that_was_refused_is_told(tmp_path):
    log = text_log(tmp_path, "customer,date,amount\na,2023-01-05,10\nb,2023-01-05,10\n,2023-01-05,80.5\n")
    assert log.refused == [{"reason": "no customer", "rows": 1, "first_lines": [4], "share_of_money": 0.800995}]


def test_lines_of_an_order_are_one_order_on_its_first_day(tmp_path):
    """As Shopify writes them: only the first line of an order has the customer, the day and the total."""
    text = (
        "customer,date,amount,order\n"
        "a,2023-01-05,30,#1\n,,,#1\n,,,#1\n"
        "b,2023-01-06,10,#2\nb,2023-01-07,5,#2\n"
        "a,2023-02-01,8,#3\na,2023-02-01,-8,#3\n"
    )
    log = text_log(tmp_path, text, order="order")
    found = list(zip(log.frame["customer"], log.frame["day"].dt.day, log.frame["amount"], strict=True))
    assert found == [(0, 5, 30.0), (0, 1, 0.0), (1, 6, 15.0)]
    assert log.counts["lines_merged"] == 4
    assert log.counts["rows_used"] == log.counts["rows_read"] == 7
    assert any("7 lines were taken together to 3 orders" in note for note in log.notes)
    with pytest.raises(OrderLogError, match="under several customers"):
        text_log(tmp_path, "customer,date,amount,order\na,2023-01-05,1,1\nb,2023-01-05,1,1\n", order="order")
    without = text_log(tmp_path, "customer,date,order\na,2023-01-05,1\na,2023-01-06,1\nb,2023-01-06,2\n",
                       order="order", amount=None)  # fmt: skip
    assert without.counts["orders"] == 2


def test_price_times_pieces_is_the_amount_and_returned_pieces_are_refunds(tmp_path):
    text = "customer,date,amount,pieces\na,2023-01-05,2.50,4\na,2023-01-05,2.50,-1\nb,2023-01-06,3,2\nb,2023-01-07,3,\n"
    path = tmp_path / "orders.csv"
    path.write_text(text + "c,2023-01-08,1,1\n" * 30)
    log = log_of(path, quantity="pieces")
    assert log.frame["amount"].tolist() == [7.5, 6.0, 30.0]
    assert log.refused[0]["first_lines"] == [5]
    with pytest.raises(OrderLogError, match="name --amount"):
        log_of(path, amount=None, quantity="pieces")


def test_rows_can_be_chosen_by_what_stands_in_other_columns(tmp_path):
    text = "customer,date,amount,status\na,2023-01-05,1,Paid\nb,2023-01-05,1,paid\nc,2023-01-05,1,cancelled\n"
    for condition in (("status", True, ("paid",)), ("status", False, ("cancelled",))):
        log = text_log(tmp_path, text, where=(condition,))
        assert log.counts["customers"] == 2
        assert log.refused[0]["first_lines"] == [4]
    with pytest.raises(OrderLogError, match=r"no row with status=payed: there is 'Paid', 'paid', 'cancelled'"):
        text_log(tmp_path, text, where=(("status", True, ("payed",)),))


def test_a_file_without_header_has_numbered_columns(tmp_path):
    path = tmp_path / "orders.txt"
    path.write_text("a|x|2023-01-05|5\nb|x|2023-01-06|6\n")
    log = read_orders(path, "1", "3", "4", table=TableOptions(header=False))
    assert (log.counts["rows_read"], log.frame["amount"].tolist()) == (2, [5.0, 6.0])
    with pytest.raises(OrderLogError, match="has no column '9'"):
        read_orders(path, "9", "3", table=TableOptions(header=False))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "shift_jis"])
def test_east_asian_files_are_read_in_their_encoding(tmp_path, encoding):
    path = tmp_path / "orders.csv"
    path.write_bytes("客,日付\n山田,2023年1月5日\n田中,2023年2月17日\n".encode(encoding))
    log = read_orders(path, "客", "日付")
    assert log.identifiers.tolist() == ["山田", "田中"]
    assert read_orders(path, "客", "日付", table=TableOptions(encoding=encoding)).counts["customers"] == 2


def test_records_of_several_lines_keep_their_line_numbers(tmp_path):
    text = 'customer,date,amount,note\na,2023-01-05,5,"one\ntwo, three, four, five\n\nsix"\nb,soon,5,\n'
    log = text_log(tmp_path, text + "".join(f"c{i},2023-01-05,5,\n" for i in range(40)))
    assert log.refused[0] == {"reason": "unreadable date", "rows": 1, "first_lines": [6], "share_of_money": 0.02381}


@pytest.mark.parametrize("first", ["sep=,\n", "sep=;\n", '"sep=;"\r\n', "sep=\t\n", "SEP=;\n\n"])
def test_a_hint_for_excel_is_no_header(tmp_path, first):
    mark = first.strip('"\r\n')[4:5]
    text = first + "customer;date;amount\na;2023-01-05;1.50\nb;2023-01-06;2.50\n".replace(";", mark)
    assert text_log(tmp_path, text).frame["amount"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("identifier", ["6.01209E+12", "1,18E+11", "4.5e+15", "5E+14"])
def test_numbers_that_a_spreadsheet_has_rounded_are_no_customers(tmp_path, identifier):
    text = f'customer,date,amount\n"{identifier}",2023-01-05,5\nb,2023-01-05,5\n'
    with pytest.raises(OrderLogError, match="a spreadsheet has rounded their numbers"):
        text_log(tmp_path, text)


def test_one_rounded_number_among_many_costs_its_row_only(tmp_path):
    others = [f"{10**11 + i},2023-01-05,5" for i in range(30)]
    log = text_log(tmp_path, "\n".join(["customer,date,amount", *others, "4.0128e+10,2023-01-05,5"]) + "\n")
    assert (log.counts["customers"], log.refused[0]["first_lines"]) == (30, [32])


def test_one_customer_with_a_tenth_of_all_orders_may_be_a_placeholder(tmp_path):
    guests = [f"guest,2023-{m:02d}-{d:02d},5" for m in range(1, 13) for d in range(1, 20)]
    others = [f"c{i},2023-05-05,5" for i in range(150)]
    log = text_log(tmp_path, "\n".join(["customer,date,amount", *guests, *others]) + "\n")
    assert any("placeholder" in warning for warning in log.warnings)


def test_small_amounts_lose_nothing_in_refunds(tmp_path):
    log = text_log(tmp_path, "customer,date,amount\na,2023-01-05,0.00026\na,2023-01-06,-0.00006\nb,2023-01-05,0.0004\n")
    assert log.frame["amount"].tolist() == pytest.approx([0.0002, 0.0004], rel=1e-9)
