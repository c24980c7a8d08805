//! What was exported comes back, row by row, on either engine and from one to the other.
use resources::records::transfer::{Export, Format, Import};
use serde_json::{Value as Json, json};
use testkit::{Engine, TestDb, on_both};

use super::*;

/// Rows that formats like to get wrong.
fn things() -> String {
    let texts = [
        "plain",
        "'",
        "''",
        "'=1",
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@x",
        "\tx",
        "\rx",
        "\nx",
        "a,b;c\"d\"\"e",
        "line\r\nline\n",
        " space ",
        "ünïcödé 日本 \u{1F600}",
        "\u{FEFF}bom",
        "\u{2028}",
        "\\N",
        "NULL",
        "null",
        "＝1",
    ];
    let floats = [0.1, 1.0 / 3.0, 5e-324, f64::MAX, -2.5, 1e300, 123_456_789.123_456_78];
    let data =
        [json!({"a": [1, 2.5, "=x", null]}), json!("=1"), json!(-5), json!([]), json!(1e300), json!(0.1), json!("")];
    let mut rows = Vec::new();
    for (nth, text) in texts.iter().enumerate() {
        let number = 1000 + nth as u128;
        let row = json!({
            "id": shown("thg", number), "owner_id": shown_user([ANN, BOB][nth % 2]),
            "created_at": "2001-02-03T04:05:06.000007Z", "updated_at": "2026-11-21T09:00:00.999999Z", "version": nth + 1,
            "deleted_at": (nth % 3 == 0).then_some("2026-11-20T00:00:00Z"),
            "title": text, "body": (if nth % 4 == 0 { "" } else { text }),
            "count": ([i64::MIN, i64::MAX, 0, -5][nth % 4]), "ratio": floats[nth % floats.len()],
            "price": (["-99999999999999.9999", "0.0001", "0", "-5.5"][nth % 4]), "done": nth % 2 == 0,
            "at": "1969-12-31T23:59:59.999999Z", "day": "0001-01-01", "data": data[nth % data.len()],
            "state": (["open", "-closed"][nth % 2]), "contact": "=+-@example.com", "link": "https://example.com/?a=b,c",
            "folder": shown("fld", 10), "slug": format!("{text}{nth}"), "shelf": 1, "place": nth,
        });
        rows.push(row);
    }
    // Nothing but what is required.
    rows.push(json!({"id": shown("thg", 1), "owner_id": shown_user(ANN), "title": ""}));
    file(rows)
}

/// A folder in itself, one in a later one.
fn folders() -> String {
    let folder = |number: u128, parent: u128| json!({"id": shown("fld", number), "owner_id": shown_user(ANN), "name": "x", "parent": shown("fld", parent)});
    file([folder(9, 10), folder(10, 10), folder(8, 9)])
}

async fn copied(from: &World, to: &World, resource: &str, format: Format) {
    let file = export(from, resource, format).await;
    let (found, watched) = import(to, resource, &Import { format, ..lines() }, &file).await;
    assert_eq!(watched.short(), [""; 0], "{file}");
    assert!(found.created > 0 && found.updated + found.unchanged == 0);
    for format in [Format::JsonLines, Format::Csv] {
        assert_eq!(export(to, resource, format).await, export(from, resource, format).await);
    }
}

#[tokio::test]
async fn every_type_comes_back_from_either_format_on_either_engine() {
    for (engine, other) in [
        (Engine::Sqlite, Engine::Sqlite),
        (Engine::Postgres, Engine::Postgres),
        (Engine::Sqlite, Engine::Postgres),
        (Engine::Postgres, Engine::Sqlite),
    ] {
        let from = world(TestDb::open(engine).await).await;
        let (found, watched) = import(&from, "folders", &lines(), &folders()).await;
        assert_eq!((found, watched.short()), (summary(3, 0, 0, 0), vec![]));
        let (found, watched) = import(&from, "things", &lines(), &things()).await;
        assert_eq!((found, watched.short()), (summary(22, 0, 0, 0), vec![]));
        for format in [Format::JsonLines, Format::Csv] {
            let to = world(TestDb::open(other).await).await;
            copied(&from, &to, "folders", format).await;
            copied(&from, &to, "things", format).await;
        }
    }
}

#[tokio::test]
async fn what_was_imported_is_what_the_file_says() {
    on_both(async |db| {
        let world = world(db).await;
        import(&world, "folders", &lines(), &folders()).await;
        import(&world, "things", &lines(), &things()).await;
        let exported = export(&world, "things", Format::JsonLines).await;
        let given = things();
        let mut compared = 0;
        for line in exported.lines() {
            let found: Json = serde_json::from_str(line).unwrap();
            let given = given.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
            let given = given.into_iter().find(|row| row["id"] == found["id"]).unwrap();
            for (name, value) in given.as_object().unwrap() {
                let same = match (name.as_str(), value.as_str()) {
                    ("price", Some(text)) => found[name].as_str().unwrap().parse::<f64>().ok() == text.parse().ok(),
                    ("deleted_at", Some(_)) => found[name] == "2026-11-20T00:00:00.000000Z",
                    _ => found[name] == *value,
                };
                assert!(same, "{name}: {value} became {}", found[name]);
                compared += 1;
            }
        }
        assert!(compared > 400, "{compared}");
    })
    .await;
}

#[tokio::test]
async fn a_spreadsheet_sees_no_formula() {
    on_both(async |db| {
        let world = world(db).await;
        import(&world, "folders", &lines(), &folders()).await;
        import(&world, "things", &lines(), &things()).await;
        let file = export(&world, "things", Format::Csv).await;
        let mut reader = csv::Reader::from_reader(file.as_bytes());
        let is_number: Vec<bool> =
            reader.headers().unwrap().iter().map(|name| ["count", "ratio", "price", "data"].contains(&name)).collect();
        let mut risky = 0;
        for record in reader.records() {
            for (cell, is_number) in record.unwrap().iter().zip(&is_number) {
                let is_risky = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
                assert!(!is_risky || (*is_number && cell.parse::<f64>().is_ok()), "{cell}");
                risky += usize::from(is_risky);
            }
        }
        assert!(risky > 10, "numbers stay numbers");
    })
    .await;
}

#[tokio::test]
async fn exports_take_a_filter_fields_and_leave_deleted_records_out() {
    on_both(async |db| {
        let world = world(db).await;
        let file = format!(
            "title,count,deleted_at\na,1,\nb,2,2026-01-01T00:00:00Z\nc,3,\nd,,\n{}",
            "many,7,\r\n".repeat(2500)
        );
        let (found, _) = import(&world, "things", &Import { format: Format::Csv, ..owned(ANN) }, &file).await;
        assert_eq!(found, summary(2504, 0, 0, 0));
        let part = Export {
            format: Format::Csv,
            fields: vec!["title".into(), "count".into()],
            filter: Some("record.count <= 3".into()),
            has_deleted: false,
        };
        let sorted = async |part: &Export| {
            let mut lines: Vec<String> = export_with(&world, "things", part).await.lines().map(str::to_owned).collect();
            lines[1..].sort();
            lines.join("|")
        };
        assert_eq!(sorted(&part).await, "title,count|a,1|c,3");
        let deleted = Export { has_deleted: true, ..part.clone() };
        assert_eq!(sorted(&deleted).await, "title,count|a,1|b,2|c,3");
        let all = Export { filter: None, ..part.clone() };
        assert_eq!(export_with(&world, "things", &all).await.lines().count(), 2504);
        for wrong in [
            Export { filter: Some("record.nope == 1".into()), ..part.clone() },
            Export { fields: vec!["nope".into()], ..part },
        ] {
            let (ctx, resource) = (world.system(), world.resource("things"));
            let error = world.records.export(&ctx, &resource, &wrong, &mut Vec::new(), &mut |_| ()).await.unwrap_err();
            assert_eq!(error.code().as_str(), "bad_query");
        }
    })
    .await;
}

#[tokio::test]
async fn only_the_command_line_moves_records() {
    on_both(async |db| {
        let world = world(db).await;
        let (ctx, resource) = (world.user(ANN, &["admin"]), world.resource("things"));
        let all = Export { format: Format::Csv, fields: vec![], filter: None, has_deleted: false };
        let error = world.records.export(&ctx, &resource, &all, &mut Vec::new(), &mut |_| ()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "forbidden");
        let mut watched = Watched::default();
        let input = Box::new(std::io::empty());
        let error = world.records.import(&ctx, &resource, &lines(), input, &mut watched).await.unwrap_err();
        assert_eq!(error.code().as_str(), "forbidden");
    })
    .await;
}
