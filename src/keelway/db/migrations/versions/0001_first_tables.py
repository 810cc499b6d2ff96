"""first tables.

Generated, then edited and owned; excluded from lint. The first revision.
"""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('user',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.Text(), nullable=True),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('daytona_active_sandbox_id', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('user_pkey')),
    sa.UniqueConstraint('email', name=op.f('user_email_key'))
    )
    op.create_table('credential',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('credential_user_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('credential_pkey'))
    )
    op.create_table('project',
    sa.Column('key', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('template', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('daytona_sandbox_id', sa.Text(), nullable=True),
    sa.Column('git_repository_url', sa.Text(), nullable=True),
    sa.Column('current_branch', sa.Text(), server_default='main', nullable=False),
    sa.Column('last_seq', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('last_number', sa.Integer(), server_default='0', nullable=False),
    sa.Column('lease', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('lease_owner', sa.Text(), nullable=True),
    sa.Column('lease_purpose', sa.Text(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('project_user_id_fkey')),
    sa.PrimaryKeyConstraint('key', name=op.f('project_pkey')),
    sa.UniqueConstraint('id', name=op.f('project_id_key')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('project', schema=None) as batch_op:
        batch_op.create_index('project_of_user', ['user_id', 'updated_at'], unique=False)

    op.create_table('session',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('session_user_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('session_pkey'))
    )
    op.create_table('branch',
    sa.Column('project', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('head', sa.String(length=40), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['project.key'], name=op.f('branch_project_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project', 'name', name=op.f('branch_pkey'))
    )
    op.create_table('fragment',
    sa.Column('project', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('branch', sa.Text(), nullable=False),
    sa.Column('sha', sa.String(length=40), nullable=False),
    sa.Column('parent', sa.String(length=40), nullable=True),
    sa.Column('parent_fragment_id', sa.String(length=64), nullable=True),
    sa.Column('tree', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('author_name', sa.Text(), nullable=False),
    sa.Column('author_email', sa.Text(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=True),
    sa.Column('turn_id', sa.String(length=64), nullable=True),
    sa.Column('tool_call_id', sa.Text(), nullable=True),
    sa.Column('restored_from', sa.String(length=64), nullable=True),
    sa.Column('files_changed', sa.Integer(), nullable=False),
    sa.Column('lines_added', sa.Integer(), nullable=False),
    sa.Column('lines_removed', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['project.key'], name=op.f('fragment_project_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project', 'seq', name=op.f('fragment_pkey')),
    sa.UniqueConstraint('id', name=op.f('fragment_id_key')),
    sa.UniqueConstraint('project', 'branch', 'parent', name=op.f('fragment_project_branch_parent_key')),
    sa.UniqueConstraint('project', 'number', name=op.f('fragment_project_number_key')),
    sa.UniqueConstraint('project', 'sha', name=op.f('fragment_project_sha_key')),
    sa.UniqueConstraint('turn_id', 'tool_call_id', name=op.f('fragment_turn_id_tool_call_id_key'))
    )
    with op.batch_alter_table('fragment', schema=None) as batch_op:
        batch_op.create_index('fragment_of_tree', ['project', 'tree'], unique=False)
        batch_op.create_index('fragment_of_turn', ['turn_id'], unique=False)

    op.create_table('message',
    sa.Column('project', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('parts', sa.Text(), nullable=False),
    sa.Column('metadata_json', sa.Text(), nullable=True),
    sa.Column('turn_id', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['project.key'], name=op.f('message_project_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project', 'position', name=op.f('message_pkey')),
    sa.UniqueConstraint('id', name=op.f('message_id_key'))
    )
    op.create_table('pack',
    sa.Column('project', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('last_seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('part', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('first_seq', sa.BigInteger(), nullable=False),
    sa.Column('level', sa.SmallInteger(), nullable=False),
    sa.Column('objects', sa.Integer(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['project'], ['project.key'], name=op.f('pack_project_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project', 'last_seq', 'part', name=op.f('pack_pkey'))
    )
    op.create_table('turn',
    sa.Column('id', sa.String(length=64), nullable=False),
    sa.Column('project', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('prompt', sa.Text(), nullable=False),
    sa.Column('model', sa.Text(), nullable=True),
    sa.Column('idempotency_key', sa.Text(), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('cancel_requested', sa.Boolean(), nullable=False),
    sa.Column('history', sa.Text(), nullable=True),
    sa.Column('last_event', sa.BigInteger(), nullable=False),
    sa.Column('base_tree', sa.String(length=40), nullable=True),
    sa.Column('version_id', sa.String(length=64), nullable=True),
    sa.Column('error_code', sa.Text(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('cost', sa.Double(), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['project'], ['project.key'], name=op.f('turn_project_fkey'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['user.id'], name=op.f('turn_user_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('turn_pkey')),
    sa.UniqueConstraint('project', 'idempotency_key', name=op.f('turn_project_idempotency_key_key'))
    )
    with op.batch_alter_table('turn', schema=None) as batch_op:
        batch_op.create_index('one_active_turn', ['project'], unique=True, sqlite_where=sa.text("status IN ('working', 'stopping')"), postgresql_where=sa.text("status IN ('working', 'stopping')"))
        batch_op.create_index('turn_of_project', ['project', 'started_at'], unique=False)

    op.create_table('turn_event',
    sa.Column('turn_id', sa.String(length=64), nullable=False),
    sa.Column('seq', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('payload', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['turn_id'], ['turn.id'], name=op.f('turn_event_turn_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('turn_id', 'seq', name=op.f('turn_event_pkey'))
    )

    if op.get_bind().dialect.name == "postgresql":
        # Bodies are compressed already; folding replaces rows, so vacuum early.
        op.execute("ALTER TABLE pack ALTER COLUMN body SET STORAGE EXTERNAL")
        op.execute(
            "ALTER TABLE pack SET (autovacuum_vacuum_scale_factor = 0.05, "
            "toast.autovacuum_vacuum_scale_factor = 0.05)"
        )


def downgrade() -> None:
    op.drop_table('turn_event')
    with op.batch_alter_table('turn', schema=None) as batch_op:
        batch_op.drop_index('turn_of_project')
        batch_op.drop_index('one_active_turn', sqlite_where=sa.text("status IN ('working', 'stopping')"), postgresql_where=sa.text("status IN ('working', 'stopping')"))

    op.drop_table('turn')
    op.drop_table('pack')
    op.drop_table('message')
    with op.batch_alter_table('fragment', schema=None) as batch_op:
        batch_op.drop_index('fragment_of_turn')
        batch_op.drop_index('fragment_of_tree')

    op.drop_table('fragment')
    op.drop_table('branch')
    op.drop_table('session')
    with op.batch_alter_table('project', schema=None) as batch_op:
        batch_op.drop_index('project_of_user')

    op.drop_table('project')
    op.drop_table('credential')
    op.drop_table('user')
