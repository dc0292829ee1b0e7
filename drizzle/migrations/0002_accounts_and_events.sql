CREATE TABLE "jettythunder_credentials" (
	"side" text NOT NULL,
	"subject" text NOT NULL,
	"request_digest" text NOT NULL,
	"sealed" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "jettythunder_credentials_side_subject_pk" PRIMARY KEY("side","subject"),
	CONSTRAINT "jettythunder_credentials_side" CHECK ("jettythunder_credentials"."side" IN ('agentcache', 'storage'))
);
--> statement-breakpoint
CREATE TABLE "event_endpoints" (
	"account_id" uuid PRIMARY KEY NOT NULL,
	"url" text NOT NULL,
	"sealed_secret" text NOT NULL,
	"disabled_at" timestamp with time zone,
	"disabled_reason" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "event_outbox" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"account_id" uuid NOT NULL,
	"type" text NOT NULL,
	"data" jsonb NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone,
	"given_up_at" timestamp with time zone,
	"last_status" integer,
	"last_error" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "event_outbox_type" CHECK ("event_outbox"."type" IN ('upload.completed', 'file.deleted', 'quota.warning', 'account.tier_changed', 'webhook.test'))
);
--> statement-breakpoint
CREATE TABLE "webhook_receipts" (
	"endpoint" text NOT NULL,
	"webhook_id" text NOT NULL,
	"body_digest" text NOT NULL,
	"answer" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_receipts_endpoint_webhook_id_pk" PRIMARY KEY("endpoint","webhook_id")
);
--> statement-breakpoint
ALTER TABLE "agentcache_accounts" ADD COLUMN "request_digest" text;--> statement-breakpoint
ALTER TABLE "agentcache_accounts" ADD COLUMN "secret_hash" text;--> statement-breakpoint
ALTER TABLE "agentcache_accounts" ADD COLUMN "warned_percent" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "agentcache_accounts" ADD COLUMN "status_changed_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "swept_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "event_endpoints" ADD CONSTRAINT "event_endpoints_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "event_outbox" ADD CONSTRAINT "event_outbox_account_id_agentcache_accounts_id_fk" FOREIGN KEY ("account_id") REFERENCES "public"."agentcache_accounts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "jettythunder_credentials_expiry" ON "jettythunder_credentials" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "event_outbox_due" ON "event_outbox" USING btree ("next_attempt_at") WHERE "event_outbox"."delivered_at" IS NULL AND "event_outbox"."given_up_at" IS NULL;--> statement-breakpoint
CREATE INDEX "event_outbox_account" ON "event_outbox" USING btree ("account_id","created_at");--> statement-breakpoint
CREATE INDEX "event_outbox_created" ON "event_outbox" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "webhook_receipts_created" ON "webhook_receipts" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "uploads_unswept" ON "uploads" USING btree ("updated_at") WHERE "uploads"."state" IN ('done', 'aborted') AND "uploads"."part_count" > 1 AND "uploads"."swept_at" IS NULL;--> statement-breakpoint
ALTER TABLE "agentcache_accounts" ADD CONSTRAINT "agentcache_accounts_secret_hash_unique" UNIQUE("secret_hash");