//! What rules mean, and that no text harms the process.
use std::sync::Arc;

use super::*;
use crate::{
    actor::{Method, Principal},
    id::{Id, UserId, encode},
    time::Timestamp,
};
use uuid::Uuid;

const OWNER: u128 = 7;

fn columns(name: &str) -> Option<Column> {
    let (index, kind) = match name {
        "owner_id" => (0, Type::Id("usr".into())),
        "title" => (1, Type::Text),
        "count" => (2, Type::Int),
        "price" => (3, Type::Decimal { precision: 6, scale: 2 }),
        "done" => (4, Type::Bool),
        "other" => (5, Type::Int),
        "state" => (6, Type::Enum(vec!["open".into(), "shut".into()])),
        "data" => (7, Type::Json),
        "ratio" => (8, Type::Float),
        _ => return None,
    };
    Some(Column { index, kind })
}

fn record(changes: &[(usize, Value)]) -> Vec<Value> {
    let mut record = vec![Value::Null; 9];
    record[0] = Value::Uuid(Uuid::from_u128(OWNER));
    for (index, value) in changes {
        record[*index] = value.clone();
    }
    record
}

fn user(id: u128, roles: &[&str]) -> Actor {
    Actor::Full(Principal {
        user_id: UserId::from_uuid(Uuid::from_u128(id)),
        session_id: Id::from_uuid(Uuid::nil()),
        roles: roles.iter().map(|role| Arc::from(*role)).collect(),
        methods: Arc::new([Method::Password]),
        authenticated_at: Timestamp::from_micros(0),
    })
}

fn holds(rule: &str, actor: &Actor, record: &[Value]) -> bool {
    Rule::parse(rule, &columns).unwrap().bind(actor, Timestamp::from_micros(0)).matches(record)
}

#[test]
fn ownership_and_roles() {
    let rule = "record.owner_id == actor.id || actor.has_role('reader')";
    assert!(holds(rule, &user(OWNER, &[]), &record(&[])));
    assert!(!holds(rule, &user(8, &[]), &record(&[])));
    assert!(holds(rule, &user(8, &["reader"]), &record(&[])));
    assert!(!holds(rule, &Actor::Anonymous, &record(&[])));
    assert!(!holds("actor.is_authenticated", &Actor::PasswordOnly(UserId::from_uuid(Uuid::nil())), &record(&[])));
    assert!(holds(&format!("actor.id == '{}'", encode("usr", Uuid::from_u128(8))), &user(8, &[]), &record(&[])));
}

#[test]
fn a_comparison_with_an_absent_actor_is_false_whatever_the_operator() {
    for rule in ["record.owner_id == actor.id", "record.owner_id != actor.id", "actor.id != record.owner_id"] {
        assert!(!holds(rule, &Actor::Anonymous, &record(&[])), "{rule}");
        assert!(holds(&format!("!({rule})"), &Actor::Anonymous, &record(&[])), "{rule}");
    }
}

#[test]
fn null_equals_null_alone_and_has_no_order() {
    let anyone = Actor::Anonymous;
    let empty = record(&[]);
    let five = record(&[(2, Value::Int(5))]);
    for (rule, of_empty, of_five) in [
        ("record.count == null", true, false),
        ("record.count != null", false, true),
        ("record.count == 5", false, true),
        ("record.count != 5", true, false),
        ("record.count < 9", false, true),
        ("!(record.count < 9)", true, false),
        ("!(record.count >= 9)", true, true),
        ("9 > record.count", false, true),
        ("record.count == record.other", true, false),
        ("record.count <= record.other", false, false),
        ("!(record.count <= record.other)", true, true),
        ("record.done", false, false),
        ("!record.done", true, true),
        ("record.count in [1, 5, null]", true, true),
        ("record.count in []", false, false),
        ("!(record.count in [1, 5])", true, false),
    ] {
        assert_eq!(holds(rule, &anyone, &empty), of_empty, "{rule} of null");
        assert_eq!(holds(rule, &anyone, &five), of_five, "{rule} of 5");
    }
}

#[test]
fn precedence_is_cels() {
    let anyone = Actor::Anonymous;
    let five = record(&[(2, Value::Int(5))]);
    assert!(holds("true || true && false", &anyone, &five));
    assert!(!holds("(true || true) && false", &anyone, &five));
    assert!(holds("!false && record.count == 5", &anyone, &five));
    assert!(holds("record.price < 1.5 || record.price == null", &anyone, &five));
    assert!(holds("record.count == -5 || !(record.count == -5)", &anyone, &five));
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    for (rule, position) in [
        ("", 0),
        ("record.nothing == 1", 7),
        ("record.title == 5", 16),
        ("record.count == 'x'", 16),
        ("record.count == 1.5", 16),
        ("record.price == 1.234", 16),
        ("record.state == 'ajar'", 16),
        ("record.done < true", 12),
        ("record.data == 'x'", 15),
        ("record.count < null", 15),
        ("record.count == record.title", 13),
        ("record.title", 7),
        ("record.owner_id == 'doc_x'", 19),
        ("1 == 1", 2),
        ("actor.email == 'x'", 6),
        ("actor.has_role(1)", 6),
        ("actor.has_role('No')", 15),
        ("record.count == 1 == 2", 18),
        ("record.count = 1", 13),
        ("record.count == 1 and true", 18),
        ("size(record.title) > 1", 0),
        ("record.title in 'abc'", 16),
        ("'abc", 0),
        ("record.title == 'a' &&", 22),
        ("(true", 5),
        ("true)", 4),
        ("record.count == 99999999999999999999", 16),
    ] {
        let error = Rule::parse(rule, &columns).unwrap_err();
        assert_eq!(error.position, position, "{rule}: {error}");
    }
}

#[test]
fn hostile_texts_are_refused_quickly() {
    for rule in [
        "(".repeat(4_000),
        "!".repeat(4_000),
        "[".repeat(4_000),
        "-".repeat(4_000),
        "record".to_owned() + &".a".repeat(2_000),
        "true&&".repeat(680),
        "x".repeat(1_000_000),
        format!("record.count in [{}]", "1,".repeat(1_900)),
        "é'\u{0}".to_owned(),
    ] {
        assert!(Rule::parse(&rule, &columns).is_err());
    }
}

#[test]
fn roles_asked_for_are_listed() {
    let rule = Rule::parse("!actor.has_role('b') || (actor.has_role('a') && record.done)", &columns).unwrap();
    assert_eq!(rule.roles(), ["b", "a"]);
}
