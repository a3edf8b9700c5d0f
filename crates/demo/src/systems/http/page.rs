//! The front page: says in Japanese and English which system answered.

use crate::systems::kind::Kind;

/// The page as HTML; the `system` meta element is what a check looks for.
pub(crate) fn render(kind: Kind) -> String {
    let (id, ja, en) = (kind.id(), kind.name_ja(), kind.name_en());
    format!(
        r#"<!DOCTYPE html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="system" content="{id}">
<title>{ja} / {en}</title>
</head>
<body>
<h1>{ja}</h1>
<p>デモ用のシステムです。患者情報は含まれません。</p>
<div lang="en">
<h2>{en}</h2>
<p>A demonstration system. It holds no patient data.</p>
</div>
<p><a href="/whoami">この接続について <span lang="en">About this connection</span></a></p>
</body>
</html>
"#
    )
}
