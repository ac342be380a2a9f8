<?php
// Deeds in a WordPress, one JSON object per line. See _wordpress.py, which starts this.
$_SERVER['HTTP_HOST'] = '127.0.0.1:' . $argv[2];
if (($argv[3] ?? '') === 'install') {
    define('WP_INSTALLING', true);
    require $argv[1] . '/wp-load.php';
    require ABSPATH . 'wp-admin/includes/upgrade.php';
    wp_install('Flea market', 'admin', 'admin@example.org', true, '', 'bench');
    update_option('posts_per_page', 20);
    update_option('posts_per_rss', 20);
    update_option('permalink_structure', '/%year%/%monthnum%/%day%/%postname%/');
    wp_delete_post(1, true);
    exit(0);
}
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/image.php';

function picture(string $path, int $post): string {
    $file = wp_upload_bits(basename($path), null, file_get_contents($path));
    $about = ['post_mime_type' => 'image/jpeg', 'post_title' => basename($path), 'post_status' => 'inherit'];
    $id = wp_insert_attachment($about, $file['file'], $post);
    wp_update_attachment_metadata($id, wp_generate_attachment_metadata($id, $file['file']));
    return '<figure class="wp-block-image">' . wp_get_attachment_image($id, 'large') . '</figure>';
}

function answer(int $post): void {
    $many = (int) get_comments(['post_id' => $post, 'count' => true]);
    $about = ['comment_post_ID' => $post, 'comment_author' => "guest$many", 'comment_approved' => 1];
    wp_insert_comment($about + ['comment_content' => "Is it still there? $many"]);
}

function told(int $id): array {
    return ['id' => $id, 'url' => get_permalink($id), 'title' => get_post($id)->post_title];
}

$deeds = [
    'new' => function (array $deed): array {
        $user = username_exists($deed['seller']) ?: wp_create_user($deed['seller'], 'bench', $deed['seller'] . '@example.org');
        $about = ['post_title' => $deed['title'], 'post_content' => $deed['html'], 'post_author' => $user];
        $id = wp_insert_post($about + ['post_status' => 'draft']);
        $shown = implode('', array_map(fn($path) => picture($path, $id), $deed['files']));
        wp_update_post(['ID' => $id, 'post_content' => $deed['html'] . $shown, 'post_status' => 'publish']);
        for ($n = 0; $n < $deed['answers']; $n++) {
            answer($id);
        }
        return told($id);
    },
    'edit' => function (array $deed): array {
        $post = get_post($deed['id']);
        $title = is_string($deed['title'] ?? null) ? $deed['title'] : $post->post_title;
        $content = '<p>' . $deed['text'] . '</p>' . $post->post_content;
        wp_update_post(['ID' => $post->ID, 'post_title' => $title, 'post_content' => $content]);
        return told($post->ID);
    },
    'delete' => fn(array $deed): array => ['done' => (bool) wp_trash_post($deed['id'])],
    'restore' => function (array $deed): array {
        wp_untrash_post($deed['id']);
        wp_publish_post($deed['id']);
        return told($deed['id']);
    },
    'answer' => function (array $deed): array {
        answer($deed['id']);
        return [];
    },
];
while (($line = fgets(STDIN)) !== false) {
    $deed = json_decode($line, true);
    wp_cache_flush();
    try {
        $told = $deeds[$deed['do']]($deed);
    } catch (Throwable $error) {
        $told = ['error' => $error->getMessage()];
    }
    fwrite(STDOUT, json_encode((object) $told) . "\n");
}
