# The operation that sends a message, the schemas it names, and nothing that is only for reading.
def path: "/2010-04-01/Accounts/{AccountSid}/Messages.json";
def example: "createWithQueuedStatus";
def bare: del(.. | objects | select(has("type") or has("$ref") or has("schema")) | .description, .example, .["x-twilio"], .title);
. as $all
| .paths[path].post as $post
| ($post.responses["201"].content["application/json"].examples | {(example): .[example]}) as $examples
| ($post | del(.summary, .tags, .description, .responses["201"].headers)
    | del(.requestBody.content[].examples)
    | .responses["201"].content["application/json"].examples = $examples
    | .parameters |= map(del(.description))
    | bare) as $post
| def named: [.. | objects | .["$ref"]? // empty | sub(".*/"; "")] | unique;
  ($post | named) as $first
| ($first + ([$all.components.schemas[$first[]]] | named) | unique) as $names
| {openapi, info: (.info | {title, version, license}), servers,
   paths: {(path): {post: $post}},
   components: {schemas: ([$names[] | {(.): ($all.components.schemas[.] | bare)}] | add),
                securitySchemes: .components.securitySchemes}}
